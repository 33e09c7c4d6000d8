"""Sends back what it gets: echo_server.py PORT SOCKET, on 127.0.0.1:PORT and a Unix socket."""

import socketserver
import sys
import threading


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while piece := self.request.recv(65536):
            self.request.sendall(piece)


socketserver.ThreadingTCPServer.allow_reuse_address = True
tcp = socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Echo)
unix = socketserver.ThreadingUnixStreamServer(sys.argv[2], Echo)
threading.Thread(target=unix.serve_forever, daemon=True).start()
print("ready", flush=True)
tcp.serve_forever()
