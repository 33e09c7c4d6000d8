"""Attacks of a person who may log in. Each takes (port, user, key) and returns what came of it; it
raises where the gateway neither answers nor closes in time."""

import struct
import time

from ssh_wire import (
    Client, Closed, adjust, data, exec_request, keepalive, kexinit, string, u32, until,
)

LIMIT = 2**32 - 1


def unread(port, user, key, messages, rounds=400):
    """Sends messages and reads no answer, until the server has enough or all are sent."""
    client = Client(port, receive_buffer=4096).login(user, key)
    client.socket.settimeout(5)
    flood, sent = messages * (2000 // len(messages)), 0
    try:
        for _ in until(15):
            client.send_raw(b"".join(map(client.sealed, flood)))
            sent += len(flood)
            if sent >= rounds * 2000:
                break
    except Closed as closed:
        return f"closed ({closed.reason}) after {sent}"
    except TimeoutError:
        client.close()
        return f"not read any more after {sent}"
    client.socket.settimeout(30)
    return f"all {sent} taken, then {client.answers()}"


def flood(*messages):
    return lambda port, user, key: unread(port, user, key, list(messages))


def open_flood(port, user, key):
    """Opens channels, thousands at once."""
    client = Client(port).login(user, key)
    opens = [b"\x5a" + string(b"session") + u32(n) + u32(1) + u32(32768) for n in range(5000)]
    try:
        client.send(*opens)
        confirmed = refused = 0
        while confirmed + refused < len(opens):
            number = client.recv()[0]
            confirmed += number == 91
            refused += number == 92
        return f"{confirmed} opened, {refused} refused, then {client.answers()}"
    except Closed as closed:
        return f"closed ({closed.reason})"


def received(client, count):
    """The content of data messages, `count` bytes or until the channel ends; their largest size."""
    total = largest = 0
    while total < count:
        payload = client.recv()
        if payload[0] == 94:
            size = struct.unpack(">I", payload[5:9])[0]
            total, largest = total + size, max(largest, size)
        elif payload[0] == 97:
            break
    return total, largest


def packet_sizes(port, user, key):
    """Maximum packet sizes and windows at their ends; what is announced is kept."""
    client = Client(port).login(user, key)
    if client.open(maximum=0) is not None:
        raise AssertionError("a channel whose packets hold nothing was opened")
    for maximum in [1, 9, 10, 11, LIMIT]:
        for window in [0, 1, LIMIT]:
            client.early = b""
            channel = client.run("sleep 0.2; printf 0123456789abcdef", window=window, maximum=maximum)
            if window < LIMIT:
                client.send(adjust(channel, LIMIT - window))
            total, largest = received(client, 16)
            if total != 16 or largest > maximum:
                raise AssertionError(f"{total} bytes in packets of {largest} instead of {maximum}")
            client.send(b"\x61" + u32(channel))
    return client.answers()


def window_overflow(port, user, key):
    """A window beyond 2^32 - 1."""
    client = Client(port).login(user, key)
    channel = client.open(window=LIMIT)
    client.send(adjust(channel, 1))
    return client.answers()


def window_exceeded(port, user, key):
    """Data beyond what the server takes, to a program that reads nothing."""
    client = Client(port).login(user, key)
    channel = client.run("sleep 60")
    piece = data(channel, bytes(32768))
    try:
        client.socket.settimeout(10)
        for _ in range(1000):
            client.send(piece)
    except Closed as closed:
        return f"closes ({closed.reason})"
    return client.answers()


def tiny_adjusts(port, user, key):
    """A download of which one byte after the other is let through."""
    client = Client(port).login(user, key)
    channel = client.run("yes", window=0)
    for _ in range(20):
        client.send(*[adjust(channel, 1)] * 1000)
        total, _ = received(client, 1000)
        if total != 1000:
            raise AssertionError(f"{total} bytes instead of 1000")
    return f"20000 bytes, then {client.answers()}"


def never_adjusting(port, user, key):
    """A download that is never allowed to go on."""
    clients = [Client(port).login(user, key) for _ in range(3)]
    for client in clients:
        client.run("yes", window=1 << 20)
    for client in clients:
        received(client, (1 << 20) - 65536)
    time.sleep(2)
    return clients[0].answers()


def stopped_reader(port, user, key):
    """Downloads without bounds by clients that do not read."""
    clients = [Client(port, receive_buffer=4096).login(user, key) for _ in range(3)]
    for client in clients:
        client.run("yes", window=LIMIT)
    time.sleep(4)
    for client in clients:
        client.close()
    return "left"


def unsolicited(port, user, key):
    """Answers to questions that nobody asked, and messages for what does not exist."""
    number = u32(0)
    messages = {
        "request success": b"\x51", "request failure": b"\x52",
        "confirmation": b"\x5b" + number + u32(0) + u32(1) + u32(1),
        "open failure": b"\x5c" + number + u32(1) + string(b"") + string(b""),
        "success": b"\x63" + number, "failure": b"\x64" + number,
        "eof twice": b"\x60" + number, "close twice": b"\x61" + number,
        "data elsewhere": data(7, b"x"), "eof elsewhere": b"\x60" + u32(7),
        "close elsewhere": b"\x61" + u32(LIMIT), "adjust elsewhere": adjust(7, 1),
        "request elsewhere": exec_request(7, "true"), "userauth success": b"\x34",
        "newkeys": b"\x15", "kex reply": b"\x1f" + string(b"") * 3, "unknown": b"\xc8",
        "empty": b"", "service accept": b"\x06" + string(b"ssh-userauth"),
    }
    seen = {}
    for name, message in messages.items():
        client = Client(port).login(user, key)
        if client.open() != 0:
            raise AssertionError("the first channel is not number 0")
        try:
            client.send(message, message)
        except Closed:
            pass
        seen[name] = client.answers()
        client.close()
    return seen


def pipelined_closes(port, user, key):
    """Requests, closes, and requests again, none of which waits for the other."""
    seen = {}
    for _ in range(30):
        client = Client(port).login(user, key)
        channel = client.open()
        request, close = exec_request(channel, "true"), b"\x61" + u32(channel)
        try:
            client.send(request, close, request)
        except Closed:
            pass
        outcome = client.answers()
        seen[outcome] = seen.get(outcome, 0) + 1
        client.close()
    return seen


def open_and_close(port, user, key):
    """10,000 channels, each closed as soon as it is open; 200 with a program started meanwhile."""
    client = Client(port).login(user, key)
    for start in range(0, 10_000, 50):
        client.send(
            *[b"\x5a" + string(b"session") + u32(n) + u32(1) + u32(32768) for n in range(50)]
        )
        channels = []
        while len(channels) < 50:
            answer = client.recv()
            if answer[0] == 92:
                raise AssertionError(f"refused after {start}")
            if answer[0] == 91:
                channels.append(struct.unpack(">I", answer[5:9])[0])
        if start % 2500 == 0:
            client.send(*[exec_request(channel, "true") for channel in channels])
        client.send(*[b"\x61" + u32(channel) for channel in channels])
        closed = 0
        while closed < 50:
            closed += client.recv()[0] == 97
    return client.answers()


def rekey_storm(port, user, key):
    """New keys after each message, while bytes flow."""
    client = Client(port).login(user, key)
    channel = client.run("yes", window=LIMIT)
    for _ in range(300):
        client.exchange()
        received(client, 32768)
    return f"300 exchanges, then {client.answers()}"


def rekey_flood(port, user, key):
    """KEXINIT again and again, without an exchange."""
    client = Client(port).login(user, key)
    try:
        client.send(*[kexinit()] * 1000)
        while client.read_packet():
            pass
    except Closed as closed:
        return f"closes ({closed.reason})"


def stalled_rekey(port, user, key):
    """An exchange that is begun and never finished, while a download and requests go on."""
    client = Client(port).login(user, key)
    client.run("yes", window=LIMIT)
    client.send(kexinit())
    try:
        client.socket.settimeout(5)
        for _ in range(200):
            client.send(*[keepalive()] * 200)
            for _ in range(20):
                client.read_packet()
    except Closed as closed:
        return f"closes ({closed.reason})"
    except TimeoutError:
        return "waits"
    return "went on"


attacks = {
    "flood-ignore": flood(b"\x02" + string(bytes(200))),
    "flood-debug": flood(b"\x04\1" + string(bytes(200)) + string(b"")),
    "flood-ping": flood(b"\xc0" + string(bytes(200))),
    "flood-unknown": flood(b"\xc8" + bytes(20)),
    "flood-keepalive": flood(keepalive()),
    "flood-global": flood(b"\x50" + string(b"unheard-of@example.com") + b"\1"),
    "flood-forward": flood(b"\x50" + string(b"tcpip-forward") + b"\1" + string(b"") + u32(0)),
    "flood-unimplemented": flood(b"\x03" + u32(1)),
} | {
    name.replace("_", "-"): globals()[name]
    for name in [
        "open_flood", "packet_sizes", "window_overflow", "window_exceeded", "tiny_adjusts",
        "never_adjusting", "stopped_reader", "unsolicited", "pipelined_closes", "open_and_close",
        "rekey_storm", "rekey_flood", "stalled_rekey",
    ]
}
