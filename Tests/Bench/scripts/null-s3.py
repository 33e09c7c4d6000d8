"""A store of S3's protocol that throws everything away: what is measured beside it is who sends.

null-s3.py PORT; lives as long as its standard input.
"""

import asyncio
import hashlib
import sys
import urllib.parse

held = asyncio.Event()
#: Sizes of the objects, and of the parts of uploads.
objects, uploads = {}, {}
CREATED = (
    '<?xml version="1.0"?><InitiateMultipartUploadResult><UploadId>{}</UploadId>'
    "</InitiateMultipartUploadResult>"
)
JOINED = (
    '<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>"x-1"</ETag>'
    "</CompleteMultipartUploadResult>"
)
LISTS = {
    "uploads": "<ListMultipartUploadsResult></ListMultipartUploadsResult>",
    "list-type": "<ListBucketResult></ListBucketResult>",
}


async def read_head(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    return method, target, fields


async def read_body(reader, length):
    while length > 0:
        piece = await reader.read(min(length, 1 << 20))
        if not piece:
            raise asyncio.IncompleteReadError(b"", length)
        length -= len(piece)


def answer(method, path, query, length):
    if method == "PUT" and "partNumber" in query:
        uploads.setdefault(query["uploadId"], {})[query["partNumber"]] = length
        return 200, ""
    if method == "PUT":
        objects[path] = length
        return 200, ""
    if method == "POST" and "uploads" in query:
        return 200, CREATED.format(hashlib.sha256(path.encode()).hexdigest())
    if method == "POST":
        objects[path] = sum(uploads.pop(query.get("uploadId", ""), {}).values())
        return 200, JOINED
    for name, text in LISTS.items():
        if name in query:
            return 200, text
    return (200, "") if path in objects else (404, "<Error><Code>NoSuchKey</Code></Error>")


async def serve(reader, writer):
    try:
        while True:
            method, target, fields = await read_head(reader)
            path, _, text = target.partition("?")
            query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
            if fields.get("expect") == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = int(fields.get("content-length", 0))
            if path in ("/_hold", "/_go", "/_ready"):
                held.clear() if path == "/_hold" else held.set()
                status, body = 200, ""
            else:
                await held.wait()
                await read_body(reader, length)
                status, body = answer(method, path, query, length)
            size = objects.get(path, 0) if method == "HEAD" else len(body)
            head = f'HTTP/1.1 {status} X\r\nContent-Length: {size}\r\nETag: "x"\r\n\r\n'
            writer.write(head.encode() + (b"" if method == "HEAD" else body.encode()))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port):
    held.set()
    await asyncio.start_server(serve, "127.0.0.1", port, limit=1 << 22)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main(int(sys.argv[1])))
