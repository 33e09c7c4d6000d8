"""A small SSH client that sends whatever it is told, also what no client may send.

Speaks curve25519-sha256 and aes128-gcm@openssh.com only. It does not check the host key: it
attacks the server and has nothing to lose.
"""

import hashlib
import os
import socket
import struct
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

IGNORE, UNIMPLEMENTED, DEBUG = 2, 3, 4
KEXINIT, NEWKEYS, KEX_INIT, KEX_REPLY = 20, 21, 30, 31
IDENTIFICATION = b"SSH-2.0-Attack"


def u32(number):
    return struct.pack(">I", number)


def string(data):
    return u32(len(data)) + data


def mpint(data):
    data = data.lstrip(b"\0")
    return string(b"\0" + data if data[:1] > b"\x7f" else data)


def padded(payload, block, counted):
    """The packet's bytes; `counted` is what of the length field the block size counts."""
    padding = block - (len(payload) + 1 + counted) % block
    padding += block if padding < 4 else 0
    return u32(len(payload) + padding + 1) + bytes([padding]) + payload + bytes(padding)


def kexinit():
    lists = [
        b"curve25519-sha256", b"ssh-ed25519",
        b"aes128-gcm@openssh.com", b"aes128-gcm@openssh.com",
        b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b"",
    ]
    return bytes([KEXINIT]) + os.urandom(16) + b"".join(map(string, lists)) + b"\0" + u32(0)


def packet(payload):
    """A packet before there are keys."""
    return padded(payload, 8, 4)


class Closed(Exception):
    """The server has ended the connection, for `reason` if it named one."""

    def __init__(self, reason=""):
        super().__init__(reason)
        self.reason = reason


class Direction:
    """One direction's key and counter (RFC 5647)."""

    def __init__(self, key, iv):
        self.cipher = AESGCM(key)
        self.fixed, self.count = iv[:4], int.from_bytes(iv[4:12], "big")

    def nonce(self):
        nonce = self.fixed + struct.pack(">Q", self.count % 2**64)
        self.count += 1
        return nonce


class Client:
    def __init__(self, port, source="127.0.0.1", receive_buffer=None, timeout=30):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.timeout = timeout
        self.inbound = bytearray()
        self.queued = []
        self.out = self.into = self.session = None

    def close(self):
        self.socket.close()

    # Bytes

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(self.last_words()) from error

    def last_words(self):
        """What the server said before it hung up."""
        try:
            while True:
                self.recv()
        except Closed as closed:
            return closed.reason
        except OSError:
            return ""

    def fill(self, count):
        while len(self.inbound) < count:
            try:
                piece = self.socket.recv(65536)
            except ConnectionResetError as error:
                raise Closed() from error
            if not piece:
                raise Closed()
            self.inbound += piece

    def take(self, count):
        self.fill(count)
        data = bytes(self.inbound[:count])
        del self.inbound[:count]
        return data

    # Packets

    def sealed(self, payload):
        if self.out is None:
            return packet(payload)
        whole = padded(payload, 16, 0)
        return whole[:4] + self.out.cipher.encrypt(self.out.nonce(), whole[4:], whole[:4])

    def send(self, *payloads):
        self.send_raw(b"".join(map(self.sealed, payloads)))

    def read_packet(self):
        head = self.take(4)
        length = struct.unpack(">I", head)[0]
        if self.into is None:
            body = self.take(length)
        else:
            body = self.into.cipher.decrypt(self.into.nonce(), self.take(length + 16), head)
        payload = body[1 : len(body) - body[0]]
        if payload[0] == 1:
            size = struct.unpack(">I", payload[5:9])[0]
            raise Closed(f"{payload[4]}: {payload[9 : 9 + size].decode()}")
        return payload

    def recv(self):
        """The next message; what only the transport cares about is left out."""
        while True:
            payload = self.queued.pop(0) if self.queued else self.read_packet()
            if payload[0] == KEXINIT:
                self.exchange(payload)
            elif payload[0] not in (IGNORE, DEBUG, 7):
                return payload

    # Keys

    def identify(self):
        self.send_raw(IDENTIFICATION + b"\r\n")
        self.fill(4)
        while b"\n" not in self.inbound:
            self.fill(len(self.inbound) + 1)
        self.server = bytes(self.take(self.inbound.index(b"\n") + 1)).rstrip()

    def exchange(self, theirs=None):
        """Exchanges keys; answers the server's KEXINIT, or sends one of its own first."""
        own, key = kexinit(), X25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        self.send(own)
        theirs = theirs or self.awaited(KEXINIT)
        self.send(bytes([KEX_INIT]) + string(public))
        reply, parts = self.awaited(KEX_REPLY)[1:], []
        for _ in range(3):
            size = struct.unpack(">I", reply[:4])[0]
            parts.append(reply[4 : 4 + size])
            reply = reply[4 + size :]
        secret = mpint(key.exchange(X25519PublicKey.from_public_bytes(parts[1])))
        texts = [IDENTIFICATION, self.server, own, theirs, parts[0], public, parts[1]]
        digest = hashlib.sha256(b"".join(map(string, texts)) + secret).digest()
        self.session = self.session or digest

        def derived(letter, size):
            return hashlib.sha256(secret + digest + letter + self.session).digest()[:size]

        self.send(bytes([NEWKEYS]))
        self.out = Direction(derived(b"C", 16), derived(b"A", 12))
        self.awaited(NEWKEYS)
        self.into = Direction(derived(b"D", 16), derived(b"B", 12))

    def awaited(self, number):
        while (payload := self.read_packet())[0] != number:
            self.queued.append(payload)
        return payload

    # Login

    def login(self, user, key_file):
        self.identify()
        self.exchange()
        self.send(b"\x05" + string(b"ssh-userauth"))
        with open(key_file, "rb") as file:
            key = serialization.load_ssh_private_key(file.read(), None)
        blob = string(b"ssh-ed25519") + string(key.public_key().public_bytes_raw())
        request = b"\x32" + string(user.encode()) + string(b"ssh-connection")
        request += string(b"publickey") + b"\1" + string(b"ssh-ed25519") + string(blob)
        signature = key.sign(string(self.session) + request)
        self.send(request + string(string(b"ssh-ed25519") + string(signature)))
        while (answer := self.recv()[0]) != 52:
            if answer == 51:
                raise Closed("the login was refused")
        return self

    # Channels

    def open(self, number=0, window=2 << 20, maximum=32768):
        """Opens a session; the server's number of it, or `None` where it refuses."""
        self.send(b"\x5a" + string(b"session") + u32(number) + u32(window) + u32(maximum))
        while (answer := self.recv())[0] not in (91, 92):
            pass
        return struct.unpack(">I", answer[5:9])[0] if answer[0] == 91 else None

    def run(self, command, **how):
        channel = self.open(**how)
        self.send(exec_request(channel, command))
        while (answer := self.recv())[0] not in (99, 100):
            self.queued_data(answer)
        if answer[0] == 100:
            raise Closed("the command was refused")
        return channel

    def queued_data(self, payload):
        self.early = getattr(self, "early", b"") + payload

    def answers(self):
        """Whether the server still answers, or how it has ended the connection.

        The answer to this question cannot be taken for one to an earlier message.
        """
        mark = u32(0x12345678)
        try:
            self.send(b"\x5a" + string(b"session") + mark + u32(1) + u32(32768))
            while (answer := self.recv())[0] not in (91, 92) or answer[1:5] != mark:
                pass
            return "answers"
        except Closed as closed:
            return f"closes ({closed.reason})" if closed.reason else "closes"


def exec_request(channel, command):
    return b"\x62" + u32(channel) + string(b"exec") + b"\1" + string(command.encode())


def keepalive():
    return b"\x50" + string(b"keepalive@openssh.com") + b"\1"


def data(channel, content):
    return b"\x5e" + u32(channel) + string(content)


def adjust(channel, count):
    return b"\x5d" + u32(channel) + u32(count)


def until(seconds):
    """Turns until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
