"""One function per quantity: each takes a target and returns one number."""

import fcntl
import os
import statistics
import subprocess
import time

from targets import AES128_GCM, wait_until

MEBIBYTE = 1 << 20
BULK = 512 * MEBIBYTE
PIPE_SIZE = MEBIBYTE


def handshake_cpu(target, logins=1000, clients=4):
    """Milliseconds of the server's processor per key exchange and public-key login.

    Four clients of our load generator, for every server the same, log in one after the other and
    leave without opening a channel. Each pair agrees on the best key exchange both know: the
    post-quantum one with us, curve25519 with a server that is too old for it.
    """
    logins = min(logins, target.load)

    def load(count):
        subprocess.run(
            [
                target.generator, "load", "--port", str(target.port), "--user", target.user,
                "--identity", str(target.key), "--count", str(count),
                "--concurrency", str(clients),
            ],
            check=True,
            timeout=300,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip

    load(20)
    before = target.cpu()
    load(logins)
    return (target.cpu() - before) * 1000 / logins


def bulk_down(target):
    """MB/s from server to client, from the request to the last byte."""
    command = f"echo ready; read go; exec head -c {BULK} /dev/zero"
    client = open_bulk(target, command)
    expect(client, b"ready\n")
    started = time.perf_counter()
    client.stdin.write(b"go\n")
    left = BULK
    while left:
        chunk = os.read(client.stdout.fileno(), PIPE_SIZE)
        if not chunk:
            raise RuntimeError(f"{target.name}: {left} bytes did not arrive")
        left -= len(chunk)
    seconds = time.perf_counter() - started
    finish(client)
    return BULK / 1e6 / seconds


def bulk_up(target):
    """MB/s from client to server, until the program there has read the last byte."""
    client = open_bulk(target, "echo ready; cat >/dev/null; echo done")
    expect(client, b"ready\n")
    block = memoryview(bytes(MEBIBYTE))
    started = time.perf_counter()
    for _ in range(BULK // MEBIBYTE):
        rest = block
        while rest:
            rest = rest[os.write(client.stdin.fileno(), rest) :]
    client.stdin.close()
    expect(client, b"done\n")
    seconds = time.perf_counter() - started
    finish(client)
    return BULK / 1e6 / seconds


def echo(target, rounds=3000):
    """Microseconds for one byte to a `cat` and back: (median, 99th percentile)."""
    client = target.open("cat", "-c", AES128_GCM)
    times = []
    for number in range(rounds + 200):
        started = time.perf_counter_ns()
        client.stdin.write(b"x")
        if client.stdout.read(1) != b"x":
            raise RuntimeError(f"{target.name}: the echo ended")
        if number >= 200:
            times.append((time.perf_counter_ns() - started) / 1000)
    finish(client)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def idle_memory(target, sessions=100):
    """KiB that the processes which speak SSH hold per session that does nothing."""

    def opened(count):
        clients = [target.open("echo ready; exec cat") for _ in range(count)]
        for client in clients:
            expect(client, b"ready\n")
        return clients

    for client in opened(5):
        finish(client)
    before = target.memory()
    clients = opened(sessions)
    try:
        return (target.memory() - before) / sessions
    finally:
        for client in clients:
            finish(client)


def login(target, rounds=20):
    """Milliseconds for the whole command `ssh host true`, the median."""
    times = []
    for number in range(rounds + 2):
        started = time.perf_counter()
        subprocess.run(
            target.argv(command=["true"]), stdin=subprocess.DEVNULL, check=True, timeout=60
        )
        if number >= 2:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def open_bulk(target, command):
    client = target.open(command, "-c", AES128_GCM)
    for pipe in (client.stdin, client.stdout):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    return client


def expect(client, text):
    got = b""
    while len(got) < len(text):
        chunk = client.stdout.read(len(text) - len(got))
        if not chunk:
            break
        got += chunk
    if got != text:
        raise RuntimeError(f"expected {text}, got {got}")


def finish(client):
    """Closes the client's input and waits for its end."""
    client.stdin.close()
    client.stdout.close()
    try:
        client.wait(20)
    except subprocess.TimeoutExpired:
        client.kill()
        client.wait()
        raise
    wait_until(lambda: client.poll() is not None, 1, "the client is still there")
