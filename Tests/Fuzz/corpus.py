"""Packs and unpacks the fuzzer's corpus, one file a target, and makes its first inputs.

Usage: corpus.py unpack FILE FOLDER     each input becomes a file
       corpus.py pack FOLDER FILE       the other way round, smallest first
       corpus.py seeds TARGET FOLDER    inputs that a target's own protocol begins with
"""

import base64
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile


def unpack(file, folder):
    data = pathlib.Path(file).read_bytes() if pathlib.Path(file).exists() else b""
    while data:
        (length,) = struct.unpack(">I", data[:4])
        write(folder, data[4 : 4 + length])
        data = data[4 + length :]


def pack(folder, file):
    inputs = {path.read_bytes() for path in pathlib.Path(folder).iterdir()}
    ordered = sorted(inputs, key=lambda one: (len(one), one))
    packed = b"".join(struct.pack(">I", len(one)) + one for one in ordered)
    pathlib.Path(file).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(file).write_bytes(packed)
    print(f"{file}: {len(ordered)} inputs, {len(packed)} bytes")


def write(folder, content):
    name = hashlib.sha256(content).hexdigest()[:24]
    pathlib.Path(folder, name).write_bytes(content)


def string(content):
    content = content if isinstance(content, bytes) else content.encode()
    return struct.pack(">I", len(content)) + content


def message(content):
    return struct.pack(">H", len(content)) + content


def kexinit():
    lists = ["curve25519-sha256,ext-info-c", "ssh-ed25519", "aes128-gcm@openssh.com"]
    lists += ["aes128-gcm@openssh.com", "", "", "none", "none", "", ""]
    return b"\x14" + b"c" * 16 + b"".join(map(string, lists)) + b"\0" * 5


def authentication():
    service = b"\5" + string("ssh-userauth")
    head = b"\x32" + string("user") + string("ssh-connection")
    key = string("ssh-ed25519") + string(b"k" * 32)
    methods = [
        string("none"),
        string("password") + b"\0" + string("secret"),
        string("publickey") + b"\0" + string("ssh-ed25519") + string(key),
        string("publickey") + b"\1" + string("ssh-ed25519") + string(key)
        + string(string("ssh-ed25519") + string(b"s" * 64)),
        string("keyboard-interactive") + string("") + string(""),
    ]
    for method in methods:
        # A byte for each verdict between the messages.
        answers = b"\x3d" + struct.pack(">I", 1) + string("123456")
        yield message(service) + message(head + method) + b"\4" + message(answers) + b"\0"


def connection():
    opening = b"\x5a%s" + struct.pack(">III", 0, 1 << 20, 32768)
    session = opening.replace(b"%s", string("session"))
    direct = opening.replace(b"%s", string("direct-tcpip"))
    direct += string("localhost") + struct.pack(">I", 80) + string("127.0.0.1") + struct.pack(">I", 1)
    unix = opening.replace(b"%s", string("direct-streamlocal@openssh.com"))
    unix += string("/run/x") + string("") + struct.pack(">I", 0)
    request = b"\x62" + struct.pack(">I", 0)
    pty = string("pty-req") + b"\1" + string("xterm") + struct.pack(">IIII", 80, 24, 0, 0)
    pty += string(b"\x35" + struct.pack(">I", 1) + b"\0")
    requests = [
        pty,
        string("env") + b"\1" + string("LANG") + string("C"),
        string("exec") + b"\1" + string("true"),
        string("shell") + b"\1",
        string("subsystem") + b"\1" + string("sftp"),
        string("window-change") + b"\0" + struct.pack(">IIII", 81, 25, 0, 0),
        string("signal") + b"\0" + string("TERM"),
        string("break") + b"\1" + struct.pack(">I", 500),
        string("x11-req") + b"\1\0" + string("MIT-MAGIC-COOKIE-1") + string("00" * 16)
        + struct.pack(">I", 0),
        string("auth-agent-req@openssh.com") + b"\1",
        string("eow@openssh.com") + b"\0",
    ]
    forward = string("127.0.0.1") + struct.pack(">I", 0)
    others = [
        b"\x50" + string("tcpip-forward") + b"\1" + forward,
        b"\x50" + string("cancel-tcpip-forward") + b"\1" + forward,
        b"\x50" + string("streamlocal-forward@openssh.com") + b"\1" + string("/run/y"),
        b"\x50" + string("no-more-sessions@openssh.com") + b"\0",
        b"\x50" + string("hostkeys-prove-00@openssh.com") + b"\1" + string(b"key"),
        b"\x5d" + struct.pack(">II", 0, 1000),
        b"\x5e" + struct.pack(">I", 0) + string("data"),
        b"\x5f" + struct.pack(">II", 0, 1) + string("data"),
        b"\x60" + struct.pack(">I", 0),
        b"\x61" + struct.pack(">I", 0),
        b"\x51",
        b"\x52",
        b"\x63" + struct.pack(">I", 0),
        b"\x64" + struct.pack(">I", 0),
    ]
    for first in (session, direct, unix):
        for second in [request + one for one in requests] + others:
            yield b"\6" + message(first) + b"\6" + message(second) + b"\x82" + message(second)


def frame(kind, number, body=b""):
    return struct.pack(">IBI", 5 + len(body), kind, number) + body


def link():
    hello = frame(1, 0, b"BERTH-AGENT" + struct.pack(">HII", 2, 1 << 18, 7))
    failed = struct.pack(">I", 2) + string("no such file")
    answers = {
        0: [frame(17, 2, struct.pack(">I", 9)), frame(18, 2, failed)],
        1: [frame(17, 2, struct.pack(">I", 9))],
        2: [frame(49, 2), frame(18, 2, failed)],
        3: [frame(51, 2, struct.pack(">H", 80)), frame(18, 2, failed)],
        4: [frame(65, 2), frame(18, 2, failed)],
    }
    later = [
        frame(19, 2, b"\0" + struct.pack(">I", 3)),
        frame(19, 2, b"\1" + struct.pack(">I", 9)),
        frame(32, 2, b"\0data"),
        frame(32, 2, b"\1data") + frame(32, 2, b"\2errors"),
        frame(33, 2, b"\0"),
        frame(33, 2, b"\1") + frame(33, 2, b"\2"),
        frame(34, 2, b"\0" + struct.pack(">I", 1000)),
        frame(35, 2),
        frame(52, 3, struct.pack(">I", 2) + string("::1") + struct.pack(">H", 99)),
        frame(23, 2, b"\1" + struct.pack(">I", 4)),
        frame(2, 0, b"ping"),
        frame(3, 0, b"pong"),
        frame(4, 0, b"\1" + string("a line")),
    ]
    for kind, replies in answers.items():
        for reply in replies:
            for one in later:
                start = b"\0" + message(hello) + bytes([0x80 | kind]) + message(reply)
                for decision in (5, 7, 9, 10, 12, 15):
                    yield start + b"\0" + message(one) + bytes([0x80 | decision]) + message(frame(35, 2))


def keys():
    with tempfile.TemporaryDirectory() as folder:
        make = ["ssh-keygen", "-q", "-N", "", "-C", "", "-f"]
        for kind in (["ed25519"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "521"], ["rsa", "-b", "2048"]):
            name = f"{folder}/{''.join(kind)}"
            subprocess.run([*make, name, "-t", *kind], check=True)
            public = pathlib.Path(name + ".pub").read_text()
            blob = base64.b64decode(public.split()[1])
            yield b"\0" + blob
            yield b"\3" + public.encode()
            yield b"\4" + pathlib.Path(name).read_bytes()
            subprocess.run(
                ["ssh-keygen", "-q", "-s", f"{folder}/ed25519", "-I", "id", "-n", "a,b", "-V", "+1h"]
                + ["-O", "force-command=x", "-O", "source-address=10.0.0.0/8", name + ".pub"],
                check=True,
            )
            certificate = pathlib.Path(name + "-cert.pub").read_text().split()[1]
            yield b"\1" + base64.b64decode(certificate)
            rules = pathlib.Path(folder, "rules")
            rules.write_text(f"serial: 1-9\nid: x\nsha256: {public}key: {public}")
            revoked = ["-k", "-f", f"{folder}/krl", "-s", name + ".pub", rules]
            subprocess.run(["ssh-keygen", "-q", *revoked], check=True, stdout=subprocess.DEVNULL)
            yield b"\2" + pathlib.Path(folder, "krl").read_bytes()


def seeds(target, folder):
    hello = message(b"SSH-2.0-x\r\n")
    made = {
        "clear": [b"\1" + hello, b"\0" + message(struct.pack(">IB", 12, 10) + b"\2" + b"\0" * 10)],
        "exchange": [message(kexinit()) + message(b"\x1e" + string(b"\t" * 32)) + message(b"\x15")],
        "encrypted": [b"\0\0" + message(b"\5" + string("ssh-userauth")) + b"\1" + message(b"\x02")],
        "authentication": authentication(),
        "connection": connection(),
        "link": link(),
        "keys": keys(),
    }
    for content in made[target]:
        write(folder, content)


if __name__ == "__main__":
    {"unpack": unpack, "pack": pack, "seeds": seeds}[sys.argv[1]](*sys.argv[2:])
