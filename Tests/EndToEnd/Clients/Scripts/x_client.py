"""Greets the X server of $DISPLAY with the cookie of the authority file, and says the answer."""

import os
import pathlib
import re
import socket
import struct
import sys

match = re.fullmatch(r"([^:]*):(\d+)(\.\d+)?", os.environ["DISPLAY"])
host, number = match[1], int(match[2])
if host in ("", "unix"):
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"/tmp/.X11-unix/X{number}")
else:
    server = socket.create_connection((host, 6000 + number), 30)

file = os.environ.get("XAUTHORITY") or os.path.expanduser("~/.Xauthority")
data, cookie = pathlib.Path(file).read_bytes(), None
while data:
    data, strings = data[2:], []
    for _ in range(4):
        (size,) = struct.unpack(">H", data[:2])
        strings.append(data[2 : 2 + size])
        data = data[2 + size :]
    if strings[1] == str(number).encode():
        cookie = strings[3]
if cookie is None:
    sys.exit(f"no cookie for display {number} in {file}")

name = b"MIT-MAGIC-COOKIE-1"
greeting = b"l\0" + struct.pack("<HHHHH", 11, 0, len(name), len(cookie), 0)
greeting += name + b"\0" * (-len(name) % 4) + cookie + b"\0" * (-len(cookie) % 4)
server.sendall(greeting)
answer = server.recv(8)
print("accepted" if answer[:1] == b"\1" else f"refused: {answer!r}")
