"""Searching what auditd has: a corpus of recorded shell sessions, beside grep over its lines."""

import concurrent.futures
import hashlib
import http.client
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import time
import urllib.parse
import zlib

from recordings import Auditd, Sender
from targets import Target, wait_until

#: Sessions of the corpus; it takes a minute or two to be indexed.
SESSIONS = int(os.environ.get("BERTH_BENCH_SESSIONS", "1000"))
#: Requests of one measurement, each for something else.
REQUESTS = 100
START = 1_700_000_000
#: The corpus is the same in every run.
SEED = 5
USERS = [f"user{number:02}" for number in range(40)]
#: Shown once in each session.
MARK = "end-of-the-session"
SYLLABLES = "ka lo mi ne pu ra se ti vo xa zu be dri gon hal".split()


def vocabulary():
    """Words of which few are frequent, as in any language."""
    source = random.Random(SEED)
    words = {"".join(source.choices(SYLLABLES, k=source.randint(1, 4))) for _ in range(4000)}
    words = sorted(words)
    source.shuffle(words)
    return words


WORDS = vocabulary()
WEIGHTS = [1 / (rank + 5) for rank in range(len(WORDS))]


def head(major, number):
    """The beginning of a CBOR item (RFC 8949 §3)."""
    if number < 24:
        return bytes([major << 5 | number])
    for code, form, limit in ((24, ">B", 8), (25, ">H", 16), (26, ">I", 32), (27, ">Q", 64)):
        if number < 1 << limit:
            return bytes([major << 5 | code]) + struct.pack(form, number)
    raise ValueError(number)


def cbor(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    pairs = b"".join(cbor(key) + cbor(item) for key, item in value.items())
    return head(5, len(value)) + pairs


class Session:
    """One connection as gateways record it, and its lines."""

    def __init__(self, number):
        source = random.Random(f"{SEED}-{number}")
        self.name = hashlib.sha256(b"%d" % number).digest()[:16]
        self.user = source.choice(USERS)
        self.address = f"192.0.2.{source.randrange(1, 255)}"
        self.at = (START + number * 60) * 1_000_000_000
        self.started = self.at
        self.lines = []
        self.messages = []
        self.make(source)

    def make(self, source):
        self.add(0, {"remoteAddr": self.address, "country": "CH"})
        self.add(199, {"username": self.user})
        self.add(301, {"channelType": "session"}, 0)
        size = {"columns": 120, "rows": 40, "width": 0, "height": 0, "modelist": None}
        self.add(404, {"requestId": 0, "term": "xterm"} | size, 0)
        self.add(405, {"requestId": 1}, 0)
        self.show("$ ")
        # Most sessions are short, some are not.
        for _ in range(min(200, int(source.paretovariate(1.2) * 5))):
            command = self.words(source, 3)
            self.add(500, {"stream": 0, "data": (command + "\r").encode()}, 0)
            output = [self.words(source, 8) for _ in range(min(400, int(source.paretovariate(1))))]
            self.lines += ["$ " + command, *output]
            self.show("\r\n".join([command, *output, "$ "]))
        self.lines.append(MARK)
        self.show(MARK + "\r\n")
        self.add(499, {"exitStatus": 0}, 0)
        self.add(497, None, 0)
        self.add(1, None)

    @staticmethod
    def words(source, count):
        return " ".join(source.choices(WORDS, WEIGHTS, k=count))

    def show(self, text):
        self.add(500, {"stream": 1, "data": text.encode()}, 0)

    def add(self, kind, payload, channel=None):
        self.at += 10_000_000
        self.messages.append(
            cbor(
                {
                    "connectionId": self.name.hex(), "timestamp": self.at, "type": kind,
                    "payload": payload, "channelId": channel,
                }  # fmt: skip
            )
        )

    def encoded(self):
        deflater = zlib.compressobj(1, zlib.DEFLATED, -15)
        body = deflater.compress(b"".join(self.messages)) + deflater.flush(zlib.Z_SYNC_FLUSH)
        magic = b"ContainerSSH-Auditlog".ljust(32, b"\0") + struct.pack("<Q", 2)
        member = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
        return magic + member + body + b"\0\0\0\xff\xff"


class Archive(Auditd):
    """An auditd that has the corpus and has indexed it."""

    def start(self):
        super().start()
        sender = Sender(self.port, 0)
        for number in range(SESSIONS):
            session = Session(number)
            facts = {
                "remoteAddress": session.address, "country": "CH", "username": session.user,
                "startedAt": session.started, "format": "binary",
            }  # fmt: skip
            data = session.encoded()
            sender.send(
                [
                    (1, session.name, 0, json.dumps(facts).encode()),
                    (2, session.name, 0, data),
                    (3, session.name, len(data), b""),
                ]
            )
        self.client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        wait_until(self.is_indexed, 600, "not all is indexed")

    def is_indexed(self):
        found, cursor = 0, {}
        while True:
            page = self.get("recordings", text=MARK, limit=1000, **cursor)
            found += len(page["recordings"])
            if not page.get("next"):
                time.sleep(0.2)
                return found == SESSIONS
            cursor = {"cursor": page["next"]}

    def get(self, route, **query):
        self.client.request("GET", f"/v1/{route}?{urllib.parse.urlencode(query)}")
        reply = self.client.getresponse()
        body = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"auditd answers {reply.status}: {body[:200]}")
        return json.loads(body)

    def find(self, kind, wanted):
        """Answers how much was found."""
        if kind == "lines":
            return len(self.get("lines", text=wanted)["lines"])
        query = {
            "text": {"text": wanted},
            "command": {"command": wanted},
            "user": {"user": wanted},
            "time": {"since": wanted},
        }[kind]
        return len(self.get("recordings", **query)["recordings"])


class Grep(Target):
    """grep over a file of lines for each session."""

    is_ssh = False

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with concurrent.futures.ProcessPoolExecutor() as pool:
            list(pool.map(self.write, range(SESSIONS), chunksize=50))

    def write(self, number):
        session = Session(number)
        (self.folder / session.name.hex()).write_text("\n".join(session.lines) + "\n")

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def find(self, kind, wanted):
        pattern = f"$ .*{wanted}" if kind == "command" else wanted
        options = "-rih" if kind == "lines" else "-ril"
        result = subprocess.run(
            ["grep", options, "--", pattern, self.folder], stdout=subprocess.PIPE, text=True
        )
        return result.stdout.count("\n")


def wanted(kind):
    """What is searched for: frequent words and rare ones, and two together."""
    source = random.Random(kind)
    if kind == "user":
        return source.choices(USERS, k=REQUESTS)
    if kind == "time":
        times = (START + source.randrange(SESSIONS) * 60 for _ in range(REQUESTS))
        return [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(item)) for item in times]
    long = [word for word in WORDS if len(word) >= 3]
    single = source.choices(long[:50], k=REQUESTS // 4) + source.choices(long, k=REQUESTS // 2)
    return single + [" ".join(source.choices(long[:200], k=2)) for _ in range(REQUESTS // 4)]


def search(target, kind):
    """Milliseconds of a search: (median, 99th percentile)."""
    times, found = [], 0
    for item in wanted(kind):
        started = time.perf_counter()
        found += target.find(kind, item)
        times.append((time.perf_counter() - started) * 1000)
    if found == 0:
        raise RuntimeError(f"{target.name}: nothing was found")
    return statistics.median(times), statistics.quantiles(times, n=100)[98]
