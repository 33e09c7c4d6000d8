"""Makes an SSH server end connections, or ends them itself, for every reason of RFC 4253 §11.1.

Usage: disconnects.py PORT USER CASE…

Each case prints a line: its name, the reason and the text of the server's DISCONNECT, or "closed".
`sent:N` sends DISCONNECT with reason N itself.
"""

import os
import socket
import struct
import sys

import paramiko

port, user = int(sys.argv[1]), sys.argv[2]


def string(data):
    return struct.pack(">I", len(data)) + data


def packet(payload):
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


def disconnect(reason, text):
    return b"\x01" + struct.pack(">I", reason) + string(text) + string(b"")


def offer(changed):
    lists = [
        b"curve25519-sha256", b"ssh-ed25519", b"aes128-ctr", b"aes128-ctr",
        b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-256-etm@openssh.com", b"none", b"none", b"", b"",
    ]
    for index, value in changed.items():
        lists[index] = value
    return b"\x14" + os.urandom(16) + b"".join(map(string, lists)) + b"\0" + struct.pack(">I", 0)


def answer(received):
    """The DISCONNECT in what the server has sent in clear."""
    start = received.index(b"\n") + 1
    while start + 5 < len(received):
        length, padding = struct.unpack(">IB", received[start : start + 5])
        payload = received[start + 5 : start + 4 + length - padding]
        if payload[:1] == b"\x01":
            reason, size = struct.unpack(">II", payload[1:9])
            rest = received[start + 4 + length :].decode()
            return f"{reason} {payload[9 : 9 + size].decode()} {rest!r}"
        start += 4 + length
    return "closed"


def raw(*parts):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return answer(received)


class Heard(paramiko.Transport):
    """A transport that remembers the server's DISCONNECT."""

    heard = "closed"

    def _parse_disconnect(self, message):
        reason = message.get_int()
        self.heard = f"{reason} {message.get_text()}"

    def _log(self, level, message, *arguments):
        pass


def encrypted(act):
    transport = Heard(("127.0.0.1", port))
    transport._preferred_ciphers = ("aes128-ctr",)
    transport._preferred_macs = ("hmac-sha2-256-etm@openssh.com",)
    transport.start_client(timeout=30)
    try:
        act(transport)
    except (paramiko.SSHException, EOFError, OSError):
        pass
    transport.join(30)
    transport.close()
    return transport.heard


def message(number, *parts):
    whole = paramiko.Message()
    whole.add_byte(bytes([number]))
    for part in parts:
        whole.add_string(part)
    return whole


def wrong_mac(transport):
    transport.packetizer._Packetizer__mac_key_out = b"x" * 32
    transport._send_user_message(message(5, b"ssh-userauth"))


def wrong_password(transport):
    for _ in range(20):
        try:
            transport.auth_password(user, "wrong")
        except paramiko.BadAuthenticationType:
            return
        except paramiko.AuthenticationException:
            pass


cases = {
    "scanner": lambda: raw(b"GET / HTTP/1.0\r\n"),
    "version": lambda: raw(b"SSH-1.5-old\r\n"),
    "kex": lambda: raw(b"SSH-2.0-x\r\n", packet(offer({0: b"unheard-of"}))),
    "compression": lambda: raw(b"SSH-2.0-x\r\n", packet(offer({6: b"zlib", 7: b"zlib"}))),
    "length": lambda: raw(b"SSH-2.0-x\r\n", b"\xff\xff\xff\xff"),
    "silent": lambda: raw(b"SSH-2.0-x\r\n", packet(disconnect(11, b""))[:7]),
    "mac": lambda: encrypted(wrong_mac),
    "service": lambda: encrypted(lambda t: t._send_user_message(message(5, b"ssh-unheard-of"))),
    "methods": lambda: encrypted(wrong_password),
    "username": lambda: encrypted(lambda t: t.auth_password("a\0b", "x")),
}

for case in sys.argv[3:]:
    if case.startswith("sent:"):
        reason = int(case[5:])
        text = f"reason {reason}".encode() + b" \x1b[2J"
        print(case, raw(b"SSH-2.0-x\r\n", packet(disconnect(reason, text))), flush=True)
    else:
        print(case, cases[case](), flush=True)
