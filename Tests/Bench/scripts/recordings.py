"""auditd alone: what it takes, beside dd with one sync; what it uploads, beside the AWS tool."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time

from targets import ROOT, Target, free_port_base, wait_until

MIB = 1 << 20
#: Bytes of one measurement of bytes.
TOTAL = 512 * MIB
#: Connections at a time, as from so many gateways.
GATEWAYS = 4
#: Bytes of one append where appends are counted: a line or two of a terminal.
SMALL = 100
#: Recordings of one batch of small appends.
TOGETHER = 100
KEYS = {"AWS_ACCESS_KEY_ID": "test-access", "AWS_SECRET_ACCESS_KEY": "test-secret"}


def binaries():
    """Where build.sh has put the daemons, as bench.sh says."""
    return pathlib.Path(os.environ["BERTH_BENCH_BINARIES"])


def python():
    return pathlib.Path(os.environ.get("BERTH_VAR", ROOT / "var")) / "python/bin/python3"


class Dd(Target):
    """Writes one file and syncs it, on the disk of the spool."""

    is_ssh = False

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)

    def stop(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def take(self):
        path = self.folder / "file"
        start = time.monotonic()
        subprocess.run(
            ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={TOTAL // MIB}", "conv=fsync"],
            stderr=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.monotonic() - start
        path.unlink()
        return TOTAL / seconds / 1e6

    def appends(self, seconds=5):
        """Appends that are each synced."""
        path, count, start = self.folder / "file", 0, time.monotonic()
        with open(path, "wb", buffering=0) as file:
            while time.monotonic() - start < seconds:
                file.write(b"x" * SMALL)
                os.fdatasync(file.fileno())
                count += 1
        path.unlink()
        return count / (time.monotonic() - start)


class Auditd(Target):
    """One auditd that keeps recordings in one storage; with a store of its own for `s3`."""

    is_ssh = False

    def __init__(self, name, folder, storage="none"):
        super().__init__(name, folder)
        self.uploads = storage == "s3"
        self.storage = storage
        self.store = None
        self.number = 0

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        self.port = free_port_base(2)
        config = {
            "auditd": {
                "listen": f"127.0.0.1:{self.port}",
                "directory": str(self.folder / "spool"),
                "storages": [self.storage],
            }
        }
        if self.uploads:
            self.store = Store(self.port + 1)
            config["audit"] = {
                "s3": {
                    "bucket": "bench",
                    "endpoint": self.store.url,
                    "accessKey": KEYS["AWS_ACCESS_KEY_ID"],
                    "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"],
                    "pathStyleAccess": True,
                    "uploadPartSize": 8 * MIB,
                    "parallelUploads": 10,
                }
            }
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [binaries() / "berth-auditd", "--config", path],
            # What is for the benchmark is no setting of auditd's.
            env={k: v for k, v in os.environ.items() if not k.startswith("BERTH_")},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
        self.pid = self.process.pid
        wait_until(self.answers, 20, "auditd does not answer")

    def answers(self):
        try:
            return self.request("GET", "/readyz").status == 200
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        if self.store:
            self.store.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def request(self, method, path, body=None):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        client.request(method, path, body)
        reply = client.getresponse()
        reply.read()
        client.close()
        return reply

    def take(self):
        """Bytes that come from several gateways, each a recording of its own."""
        piece, each = os.urandom(4 * MIB), TOTAL // GATEWAYS

        def gateway(number):
            sender = Sender(self.port, number)
            name = sender.open(f"{self.number}-{number}")
            for offset in range(0, each, len(piece)):
                sender.send([(2, name, offset, piece)])
            sender.send([(3, name, each, b"")])

        start = time.monotonic()
        self.together(gateway)
        return TOTAL / (time.monotonic() - start) / 1e6

    def appends(self, seconds=5):
        """Small appends of many recordings, as batches bring them."""
        counts = [0] * GATEWAYS
        end = time.monotonic() + seconds

        def gateway(number):
            sender = Sender(self.port, number)
            names = [sender.open(f"{self.number}-{number}-{i}") for i in range(TOGETHER)]
            offset = 0
            while time.monotonic() < end:
                sender.send([(2, name, offset, b"x" * SMALL) for name in names])
                offset += SMALL
                counts[number] += len(names)

        start = time.monotonic()
        self.together(gateway)
        return sum(counts) / (time.monotonic() - start)

    def together(self, gateway):
        self.number += 1
        failures = []

        def run(number):
            try:
                gateway(number)
            except Exception as error:  # told by whoever waits
                failures.append(error)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(GATEWAYS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def upload(self):
        """From the first part to the last object, of recordings that have ended."""
        self.store.hold(True)
        self.take()
        start = time.monotonic()
        self.store.hold(False)
        spool = self.folder / "spool/spool.d"
        wait_until(lambda: not list(spool.glob("*.part")), 300, "not all is uploaded")
        return TOTAL / (time.monotonic() - start) / 1e6


class Sender:
    """Speaks the batch format of docs/recordings-api.md."""

    def __init__(self, port, number):
        self.client = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.head = b"BRB\x01" + bytes([2]) + f"g{number}".encode()

    def open(self, text):
        name = os.urandom(16)
        facts = {"remoteAddress": "192.0.2.1", "country": "CH", "startedAt": 1, "format": "binary"}
        self.send([(1, name, 0, json.dumps(facts).encode())])
        return name

    def send(self, frames):
        parts = [self.head]
        for kind, name, offset, data in frames:
            parts += [bytes([kind]), name, struct.pack(">QI", offset, len(data)), data]
        self.client.request("POST", "/v1/recordings/batch", b"".join(parts))
        reply = self.client.getresponse()
        body = reply.read()
        if reply.status != 200 or b'"status":200' not in body or b'"code"' in body:
            raise RuntimeError(f"auditd answers {reply.status}: {body[:200]}")


class Store:
    """A store that keeps nothing, and is as fast as a program of this kind can be."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        script = ROOT / "Tests/Bench/scripts/null-s3.py"
        self.process = subprocess.Popen([sys.executable, script, str(port)], stdin=subprocess.PIPE)
        self.port = port
        wait_until(self.answers, 10, "the store does not answer")

    def answers(self):
        try:
            return self.control("ready") == 200
        except OSError:
            return False

    def hold(self, is_held):
        self.control("hold" if is_held else "go")

    def control(self, word):
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        client.request("GET", f"/_{word}")
        status = client.getresponse().status
        client.close()
        return status

    def stop(self):
        self.process.kill()
        self.process.wait(10)


class Aws(Target):
    """`aws s3 cp`, or what it is made of where it is not installed: s3transfer."""

    is_ssh = False

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port_base(1)
        self.store = Store(self.port)
        for number in range(GATEWAYS):
            with open(self.folder / f"file-{number}", "wb") as file:
                for _ in range(TOTAL // GATEWAYS // (4 * MIB)):
                    file.write(os.urandom(4 * MIB))

    def stop(self):
        self.store.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def upload(self):
        tool = shutil.which("aws", path="/usr/bin:/usr/local/bin")
        if tool:
            command = [tool, "--endpoint-url", self.store.url, "s3", "cp", "--recursive", "--quiet"]
            command += [str(self.folder), "s3://bench/"]
        else:
            script = ROOT / "Tests/Bench/scripts/s3-copy.py"
            command = [python(), script, self.store.url, self.folder]
        environment = os.environ | KEYS | {"AWS_DEFAULT_REGION": "us-east-1"}
        start = time.monotonic()
        subprocess.run(command, env=environment, stdout=sys.stderr, check=True)
        return TOTAL / (time.monotonic() - start) / 1e6


def take(target):
    return target.take()


def appends(target):
    return target.appends()


def upload(target):
    return target.upload()
