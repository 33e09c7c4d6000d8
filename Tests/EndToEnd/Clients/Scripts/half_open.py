"""Opens connections that never log in, and holds them until its input ends.

half_open.py PORT COUNT SOURCE...: COUNT connections from each source address. Prints one line for
each source: how many stay open, then one of the texts with which others were refused.
"""
import resource
import selectors
import socket
import sys

port, count, sources = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
held = []


def connect(source):
    connection = socket.socket()
    connection.bind((source, 0))
    connection.settimeout(10)
    try:
        connection.connect(("127.0.0.1", port))
    except OSError:
        connection.close()
        return None
    connection.setblocking(False)
    return connection


def settle(connections):
    """What each connection was sent until nothing more comes, and whether it was ended."""
    received, ended = {c: b"" for c in connections}, set()
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection, selectors.EVENT_READ)
    while ready := selector.select(1) if selector.get_map() else []:
        for key, _ in ready:
            try:
                data = key.fileobj.recv(65536)
            except OSError:
                data = b""
            received[key.fileobj] += data
            if not data:
                ended.add(key.fileobj)
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return received, ended


for source in sources:
    connections = [c for c in (connect(source) for _ in range(count)) if c]
    received, ended = settle(connections)
    text = ""
    for connection in ended:
        found = received[connection]
        if b"[" in found:
            text = found[found.rindex(b"["):].split(b"]")[0].decode(errors="replace") + "]"
    stay = [c for c in connections if c not in ended]
    held += stay
    print(source, len(stay), text, flush=True)
sys.stdin.read()
