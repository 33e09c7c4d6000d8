"""The server's end of a WebSocket (RFC 6455) with the channels of Kubernetes."""

import asyncio
import base64
import hashlib
import struct


def accept_key(key):
    magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1((key + magic).encode()).digest()).decode()


def unmask(mask, data):
    count = len(data)
    repeated = (mask * (count // 4 + 1))[:count]
    return (int.from_bytes(data, "big") ^ int.from_bytes(repeated, "big")).to_bytes(count, "big")


class WebSocket:
    def __init__(self, reader, writer, protocol, answers=True):
        self.reader, self.writer, self.protocol = reader, writer, protocol
        self.answers = answers
        self.lock = asyncio.Lock()

    async def frame(self, opcode, payload):
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        async with self.lock:
            self.writer.write(head + payload)
            await self.writer.drain()

    async def send(self, channel, data):
        await self.frame(2, bytes([channel]) + data)

    async def close(self):
        try:
            await self.frame(8, struct.pack("!H", 1000))
        except (ConnectionError, OSError):
            pass
        self.writer.close()

    async def receive(self):
        """The next message as (channel, bytes); None at the end."""
        message = b""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    size, = struct.unpack("!H", await self.reader.readexactly(2))
                elif size == 127:
                    size, = struct.unpack("!Q", await self.reader.readexactly(8))
                if not second & 0x80:
                    return None
                mask = await self.reader.readexactly(4)
                payload = unmask(mask, await self.reader.readexactly(size))
            except (asyncio.IncompleteReadError, ConnectionError, OSError):
                return None
            opcode = first & 0x0F
            if opcode == 8:
                return None
            if opcode == 9:
                if self.answers:
                    await self.frame(10, payload)
            elif opcode != 10:
                message += payload
                if first & 0x80:
                    return (message[0], message[1:]) if message else (0, b"")
