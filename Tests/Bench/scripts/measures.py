"""One function per quantity: each takes a target and returns one number or several."""

import fcntl
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from targets import wait_until

MEBIBYTE = 1 << 20
BULK = 512 * MEBIBYTE
PIPE_SIZE = MEBIBYTE
ETM = "hmac-sha2-256-etm@openssh.com"


def generate(target, subcommand, *arguments):
    """Runs our load generator against a server, and returns what it says about it."""
    output = subprocess.run(
        [
            target.generator, subcommand, "--port", str(target.port), "--user", target.user,
            "--identity", str(target.key), *arguments,
        ],
        check=True,
        timeout=300,
        stdout=subprocess.PIPE,
    ).stdout  # fmt: skip
    return json.loads(output)


def handshake_cpu(target, logins=1000, clients=4):
    """Milliseconds of the server's processor per key exchange and public-key login.

    Four clients of our load generator, for every server the same, log in one after the other and
    leave without opening a channel. Where the target names no key exchange, each pair agrees on
    the best one both know: the post-quantum one with us, curve25519 with an older server.
    """
    logins = min(logins, target.load)
    options = ["--concurrency", str(clients)]
    if target.key_exchange:
        options += ["--key-exchange", target.key_exchange]

    def load(count):
        result = generate(target, "load", "--count", str(count), *options)
        if result["failures"]:
            raise RuntimeError(f"{target.name}: {result['failures']} of {count} logins failed")

    load(50)
    before = target.cpu()
    load(logins)
    return (target.cpu() - before) * 1000 / logins


def bulk_down(target, cipher="aes128-gcm@openssh.com"):
    """From server to client, from the request to the last byte: (MB/s, CPU seconds per GB)."""
    before = target.cpu()
    client = open_bulk(target, target.source(BULK), cipher)
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
    return BULK / 1e6 / seconds, (target.cpu() - before) * 1e9 / BULK


def bulk_up(target, cipher="aes128-gcm@openssh.com"):
    """From client to server, until the program there has read the last byte: as `bulk_down`."""
    before = target.cpu()
    client = open_bulk(target, target.sink, cipher)
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
    return BULK / 1e6 / seconds, (target.cpu() - before) * 1e9 / BULK


def echo(target, rounds=3000):
    """Microseconds for one byte to a `cat` and back: (median, 99th percentile)."""
    client = target.open(target.echo, "-c", "aes128-gcm@openssh.com")
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
    """KiB that the processes which speak SSH hold per session that does nothing, a shell open."""

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


def busy_memory(target, sessions=1000, seconds=10):
    """MiB that the processes which speak SSH hold at most while so many sessions show output
    without end and clients read all of it."""
    client = subprocess.Popen(
        [
            target.generator, "idle", "--port", str(target.port), "--user", target.user,
            "--identity", str(target.key), "--count", str(sessions), "--hold", "600",
            "--command", "read go; exec cat /dev/zero", "--line", "go", "--drain", "--announce",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )  # fmt: skip
    try:
        expect(client, b"ready\n")
        end, most = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            most = max(most, target.memory())
            time.sleep(0.1)
        return most / 1024
    finally:
        client.kill()
        client.wait()


def idle_engine(target, sessions=5000):
    """KiB per authenticated session of many: (without a channel, with one that runs `cat`)."""
    return idle_growth(target, sessions), idle_growth(target, sessions, "--command", target.echo)


def idle_growth(target, sessions, *options):
    """The load generator stays and says when all of them are there.

    What a server holds of sessions that are gone would hide what new ones need, so it starts anew.
    """
    target.stop()
    target.start()
    generate(target, "idle", "--count", "50", "--hold", "0", *options)
    before = target.memory()
    client = subprocess.Popen(
        [
            target.generator, "idle", "--port", str(target.port), "--user", target.user,
            "--identity", str(target.key), "--count", str(sessions), "--hold", "600",
            "--announce", *options,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    )  # fmt: skip
    try:
        expect(client, b"ready\n")
        return (target.memory() - before) / sessions
    finally:
        client.kill()
        client.wait()


def login(target, rounds=20, options=(), keeps_input=False):
    """Milliseconds for the whole command `ssh host true`, the median.

    Its input is at its end already; with `keeps_input` it stays open until the client has ended.
    """
    if hasattr(target, "login"):
        return timed(target, target.login, rounds)
    command = target.argv(*options, command=["true"])
    return timed(target, lambda: check_run(command, keeps_input), rounds)


def further(target, rounds=20):
    """Milliseconds for the same command when a connection is open already, the median."""
    if hasattr(target, "further"):
        return timed(target, target.further, rounds)
    if not target.is_ssh:
        return login(target, rounds)
    socket = os.path.join(tempfile.mkdtemp(prefix="berth-bench-"), "master")
    master = subprocess.Popen(target.argv("-M", "-N", "-S", socket), stdin=subprocess.DEVNULL)
    try:
        wait_until(lambda: os.path.exists(socket), 30, f"{target.name}: no connection")
        command = target.argv("-S", socket, command=["true"])
        return timed(target, lambda: check_run(command), rounds, settles=False)
    finally:
        master.terminate()
        master.wait(30)
        shutil.rmtree(os.path.dirname(socket), ignore_errors=True)


def authentication(target, rounds=20):
    """Milliseconds from the start of the client until it is logged in, the median."""
    # Run by the client as soon as it is; -N: it asks for nothing else.
    options = ("-N", "-o", "PermitLocalCommand=yes", "-o", "LocalCommand=kill -TERM $PPID")
    command = target.argv(*options)

    def once():
        status = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60).returncode
        if status not in (-signal.SIGTERM, 255):
            raise RuntimeError(f"{target.name}: the client ended with status {status}")

    return timed(target, once, rounds)


def burst(target, logins=100):
    """Seconds until so many logins that begin at once have run `true`: (all, the median one)."""
    target.settle()
    command = target.argv(command=["true"])
    started = time.perf_counter()
    clients = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(logins)]
    waiting, times = {client.pid: client for client in clients}, []
    while waiting:
        pid, status = os.waitpid(-1, 0)
        client = waiting.pop(pid, None)
        if client is None:
            continue
        client.returncode = os.waitstatus_to_exitcode(status)
        times.append(time.perf_counter() - started)
    failed = sum(client.returncode != 0 for client in clients)
    if failed:
        raise RuntimeError(f"{target.name}: {failed} of {logins} logins failed")
    return max(times), statistics.median(times)


def total_memory(target, sessions=100):
    """MiB that the processes which speak SSH hold with so many idle shells, all in all."""
    clients = []
    try:
        for _ in range(sessions // 10):
            batch = [target.open("echo ready; exec cat") for _ in range(10)]
            clients += batch
            for client in batch:
                expect(client, b"ready\n")
        return target.memory() / 1024
    finally:
        for client in clients:
            finish(client)


def timed(target, action, rounds, settles=True):
    """The median of the milliseconds that an action takes; the first two are not counted."""
    times = []
    for number in range(rounds + 2):
        if settles:
            target.settle()
        started = time.perf_counter()
        action()
        if number >= 2:
            times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def check_run(command, keeps_input=False):
    """Runs a command that has to succeed."""
    source = subprocess.PIPE if keeps_input else subprocess.DEVNULL
    with subprocess.Popen(command, stdin=source) as process:
        # `wait` and not `communicate`: that would close the input.
        status = process.wait(60)
    if status != 0:
        raise RuntimeError(f"{command[0]} ended with status {status}")


def open_bulk(target, command, cipher):
    client = target.open(command, "-c", cipher, "-m", ETM)
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
