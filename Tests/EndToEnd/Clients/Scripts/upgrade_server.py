"""Answers an HTTP upgrade and then sends back what it gets: upgrade_server.py SOCKET."""

import socketserver
import sys
import threading


class Upgrade(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline() not in (b"\r\n", b""):
            pass
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
        while piece := self.rfile.read1(65536):
            self.wfile.write(piece)


tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Upgrade)
unix = socketserver.ThreadingUnixStreamServer(sys.argv[1], Upgrade)
threading.Thread(target=unix.serve_forever, daemon=True).start()
print("listening", tcp.server_address[1], flush=True)
tcp.serve_forever()
