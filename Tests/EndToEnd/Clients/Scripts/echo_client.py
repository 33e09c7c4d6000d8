"""Sends a megabyte to an echo server and wants it back: echo_client.py PORT-OR-SOCKET."""

import os
import socket
import sys
import threading

place = sys.argv[1]
if place.startswith("/"):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(place)
else:
    connection = socket.create_connection(("127.0.0.1", int(place)), 30)
data = os.urandom(1 << 20)


def send():
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


sender = threading.Thread(target=send)
sender.start()
seen = b""
while piece := connection.recv(65536):
    seen += piece
sender.join()
print("ok" if seen == data else f"{len(seen)} other bytes came back")
