"""An ordinary session beside an attack: a character and its echo, again and again.

Usage: victim.py PORT USER KEY

Prints "ready" after the first echo; when its standard input ends, the times of all echoes in
milliseconds as JSON, the longest wait of all included.
"""

import json
import select
import struct
import sys
import time

from ssh_wire import Client, adjust, data

port, user, key = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = Client(port).login(user, key)
channel = client.run("cat")
times = []


def echo():
    start = time.monotonic()
    client.send(data(channel, b"x"))
    while client.recv()[0] != 94:
        pass
    client.send(adjust(channel, 1))
    times.append((time.monotonic() - start) * 1000)


echo()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    echo()
print(json.dumps(times))
