"""As much of an X server as the first exchange needs: x_server.py DISPLAY XAUTHORITY.

Accepts a client whose cookie stands in the authority file (X11 protocol, chapter 8).
"""

import pathlib
import socketserver
import struct
import sys


def cookies():
    """The data of every entry: family, then four strings with their lengths (Xau(3))."""
    data, found = pathlib.Path(sys.argv[2]).read_bytes(), []
    while data:
        data = data[2:]
        for _ in range(4):
            (size,) = struct.unpack(">H", data[:2])
            last, data = data[2 : 2 + size], data[2 + size :]
        found.append(last)
    return found


class Client(socketserver.StreamRequestHandler):
    def handle(self):
        head = self.rfile.read(12)
        order = "<" if head[:1] == b"l" else ">"
        name_size, data_size = struct.unpack(order + "HH", head[6:10])
        self.rfile.read(name_size + -name_size % 4)
        data = self.rfile.read(data_size + -data_size % 4)[:data_size]
        accepted = data in cookies()
        self.wfile.write(struct.pack(order + "BBHHH", int(accepted), 0, 11, 0, 0))


socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(("127.0.0.1", 6000 + int(sys.argv[1])), Client)
print("ready", flush=True)
server.serve_forever()
