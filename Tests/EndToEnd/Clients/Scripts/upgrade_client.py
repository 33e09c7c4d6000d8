"""Upgrades a connection and has 1 MiB sent back, as an editor's window does.

Usage: upgrade_client.py socks SOCKS-PORT PORT     through a SOCKS 5 proxy (RFC 1928)
       upgrade_client.py direct PORT
"""

import os
import socket
import struct
import sys
import threading


def connected():
    kind, port, *rest = sys.argv[1:]
    connection = socket.create_connection(("127.0.0.1", int(port)), 30)
    if kind == "socks":
        connection.sendall(b"\5\1\0")
        assert connection.recv(2) == b"\5\0"
        name = b"localhost"
        request = b"\5\1\0\3" + bytes([len(name)]) + name + struct.pack(">H", int(rest[0]))
        connection.sendall(request)
        answer = connection.recv(10)
        if answer[:2] != b"\5\0":
            sys.exit(f"the proxy answered {answer!r}")
    return connection


connection = connected()
connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
stream = connection.makefile("rb")
status = stream.readline()
if b"101" not in status:
    sys.exit(f"no upgrade: {status!r}")
while stream.readline() != b"\r\n":
    pass
data = os.urandom(1 << 20)
sender = threading.Thread(target=connection.sendall, args=[data])
sender.start()
back = stream.read(len(data))
sender.join()
print("ok" if back == data else f"{len(back)} other bytes came back")
