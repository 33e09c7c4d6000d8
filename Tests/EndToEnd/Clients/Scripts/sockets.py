"""Small servers and clients on TCP ports and Unix sockets, for tests of forwarding.

sockets.py echo ADDRESS    sends back what it gets, each connection for itself
sockets.py sink ADDRESS    reads to the end, then answers "count sha256"
sockets.py flood ADDRESS   sends without end and never reads
sockets.py hold ADDRESS    accepts and does nothing
sockets.py display ADDRESS an X11 server that turns everybody away with the words "berth says no"
sockets.py send ADDRESS    standard input to the server and its end, the answer to standard output
sockets.py idle ADDRESS    connects, prints "open" and reads nothing until its input ends
sockets.py many ADDRESS N  N connections at once, each with an echo of its own; prints how many were right

ADDRESS is a port of 127.0.0.1, host:port, or a path. Servers print "ready PORT" and run until
their standard input ends.
"""
import hashlib
import os
import socket
import sys
import threading


def parse(address):
    if address.startswith("/"):
        return socket.AF_UNIX, address
    host, _, port = address.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, int(port))


def echo(peer):
    while data := peer.recv(65536):
        peer.sendall(data)


def sink(peer):
    digest, count = hashlib.sha256(), 0
    while data := peer.recv(65536):
        digest.update(data)
        count += len(data)
    peer.sendall(f"{count} {digest.hexdigest()}\n".encode())


def flood(peer):
    while True:
        peer.sendall(bytes(65536))


def hold(peer):
    threading.Event().wait()


def display(peer):
    start = peer.recv(12, socket.MSG_WAITALL)
    order = "little" if start[:1] == b"l" else "big"
    lengths = [int.from_bytes(start[at : at + 2], order) for at in (6, 8)]
    for length in lengths:
        peer.recv((length + 3) // 4 * 4, socket.MSG_WAITALL)
    reason = b"berth says no"
    padded = reason + bytes(-len(reason) % 4)
    head = bytes([0, len(reason)])
    for number in (11, 0, len(padded) // 4):
        head += number.to_bytes(2, order)
    peer.sendall(head + padded)


def serve(handler, address):
    family, name = parse(address)
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(name)
    server.listen(128)
    bound = server.getsockname()
    print("ready", bound if isinstance(bound, str) else bound[1], flush=True)

    def one(peer):
        with peer:
            try:
                handler(peer)
            except OSError:
                pass

    def accept():
        while True:
            peer, _ = server.accept()
            threading.Thread(target=one, args=(peer,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.buffer.read()
    os._exit(0)


def connect(address):
    family, name = parse(address)
    peer = socket.socket(family, socket.SOCK_STREAM)
    peer.settimeout(60)
    peer.connect(name)
    return peer


def send(address):
    peer = connect(address)

    def up():
        while data := sys.stdin.buffer.read1(65536):
            peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=up, daemon=True)
    thread.start()
    while data := peer.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def idle(address):
    peer = connect(address)
    print("open", flush=True)
    sys.stdin.buffer.read()
    peer.close()


def many(address, count):
    right = []

    def one(number):
        try:
            peer = connect(address)
            text = f"connection {number} ".encode() * 500
            peer.sendall(text)
            peer.shutdown(socket.SHUT_WR)
            answer = b""
            while data := peer.recv(65536):
                answer += data
            right.append(answer == text)
        except OSError:
            right.append(False)

    threads = [threading.Thread(target=one, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(right))


mode, address = sys.argv[1], sys.argv[2]
if mode == "send":
    send(address)
elif mode == "idle":
    idle(address)
elif mode == "many":
    many(address, int(sys.argv[3]))
else:
    serve({"echo": echo, "sink": sink, "flood": flood, "hold": hold, "display": display}[mode], address)
