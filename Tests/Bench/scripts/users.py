"""authd alone, with ten thousand users: look-ups, passwords, keys, and keys in a flood of passwords."""

import base64
import concurrent.futures
import csv
import ctypes
import http.client
import json
import multiprocessing
import os
import random
import shutil
import signal
import statistics
import struct
import subprocess
import threading
import time

from recordings import binaries
from targets import Target, free_port_base, wait_until

#: Users in the store.
USERS = int(os.environ.get("BERTH_BENCH_USERS", "10000"))
#: Questions of one look-up measurement.
REQUESTS = 5000
#: Seconds of each measurement of a rate.
SECONDS = 10
#: Gateways that ask at a time.
GATEWAYS = 4
#: Passwords that are tried at a time by those who guess.
GUESSERS = 64
PASSWORD = "correct horse"


def name(number):
    return f"user{number:05}"


def key(number):
    """A public key that nobody has the other half of."""
    source = random.Random(number)
    kind = b"ssh-ed25519"
    point = source.randbytes(32)
    blob = struct.pack(">I", len(kind)) + kind + struct.pack(">I", len(point)) + point
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def yescrypt(password):
    """A hash as authd makes them (crypt(5))."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    return library.crypt(password.encode(), b"$y$j9T$bench.bench.bench.$").decode()


class Asker:
    """One connection to authd, kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, path, username, **fields):
        """Whether authd says yes; `None` where it has no time to answer."""
        head = {
            "username": username,
            "remoteAddress": "192.0.2.1:40000",
            "connectionId": "0123456789abcdef",
            "clientVersion": "SSH-2.0-bench",
        }
        body = json.dumps(head | fields)
        self.connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        text = response.read()
        return json.loads(text)["success"] if response.status == 200 else None

    def password(self, username, password):
        return self.ask(
            "/password", username, passwordBase64=base64.b64encode(password.encode()).decode()
        )

    def key(self, number):
        return self.ask("/pubkey", name(number), publicKey=key(number))


class Authd(Target):
    """One authd whose store has been filled by `berth user import`."""

    is_ssh = False

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        self.port = free_port_base(1)
        socket = f"unix://{self.folder}/admin.sock"
        config = {
            "authd": {
                "listen": f"127.0.0.1:{self.port}",
                "database": str(self.folder / "users.sqlite"),
                "admin": {"listen": socket},
            },
        }
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [binaries() / "berth-authd", "--config", path],
            env={k: v for k, v in os.environ.items() if not k.startswith("BERTH_")},
            stdin=subprocess.DEVNULL,
            # A line for each user that is added.
            stdout=subprocess.DEVNULL,
        )
        self.pid = self.process.pid
        wait_until(self.answers, 20, "authd does not answer")
        self.fill(socket)

    def fill(self, socket):
        table = self.folder / "users.csv"
        # One hash for all: each costs as much to check as any other.
        password_hash = yescrypt(PASSWORD)
        with open(table, "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["name", "password_hash", "groups", "login_names", "key"])
            for number in range(USERS):
                groups = f"team{number % 50} all"
                rows.writerow([name(number), password_hash, groups, "deploy", key(number)])
        start = time.monotonic()
        subprocess.run(
            [binaries() / "berth", "user", "--server", socket, "import", "--csv", table],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        self.seconds = time.monotonic() - start

    def answers(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def quantiles(times):
    """Half and 99 of 100, in milliseconds."""
    cuts = statistics.quantiles(times, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


def timed_keys(port, count):
    """How long each of `count` key questions took, for users in no order."""
    asker, source, times = Asker(port), random.Random(1), []
    for _ in range(count):
        number = source.randrange(USERS)
        start = time.monotonic()
        if asker.key(number) is not True:
            raise RuntimeError(f"the key of {name(number)} is refused")
        times.append(time.monotonic() - start)
    return times


def lookups(target):
    """Milliseconds of one key question, one after the other."""
    timed_keys(target.port, 200)
    return quantiles(timed_keys(target.port, REQUESTS))


def import_seconds(target):
    return target.seconds


def keys_for(port, seed):
    asker, source, count = Asker(port), random.Random(seed), 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        count += asker.key(source.randrange(USERS)) is True
    return count / SECONDS


def keys(target):
    """Key questions per second, from several gateways."""
    # Processes: one of Python asks less than authd answers.
    with multiprocessing.Pool(GATEWAYS) as pool:
        return sum(pool.starmap(keys_for, [(target.port, seed) for seed in range(GATEWAYS)]))


def passwords(target):
    """Right passwords per second."""
    end = time.monotonic() + SECONDS

    def check(seed):
        asker, source, count = Asker(target.port), random.Random(seed), 0
        while time.monotonic() < end:
            if asker.password(name(source.randrange(USERS)), PASSWORD) is False:
                raise RuntimeError("a right password is refused")
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(GATEWAYS) as pool:
        return sum(pool.map(check, range(GATEWAYS))) / SECONDS


def flood(target):
    """Milliseconds of one key question while many guess passwords, of users and of nobody."""
    is_over = threading.Event()

    def guess(seed):
        asker, source = Asker(target.port), random.Random(seed)
        while not is_over.is_set():
            asker.password(name(source.randrange(2 * USERS)), "wrong")

    with concurrent.futures.ThreadPoolExecutor(GUESSERS) as pool:
        guessers = [pool.submit(guess, seed) for seed in range(GUESSERS)]
        try:
            # Python's own threads would be measured as well: a process of its own asks.
            with multiprocessing.Pool(1) as other:
                time.sleep(1)
                times = other.apply(timed_keys, (target.port, 1000))
        finally:
            is_over.set()
        for guesser in guessers:
            guesser.result()
    return quantiles(times)
