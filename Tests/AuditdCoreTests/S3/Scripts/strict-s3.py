"""An S3 for tests: moto's server, and before it a proxy that checks what moto lets through.

Every request must carry a Signature Version 4 that this program computes anew, a body with the
hash, length and checksum that it announces, and a path and query encoded as the signature's rules
say. What is wrong is refused as S3 does and remembered. Faults can be asked for.

Prints its port. Control, by POST of JSON to /_control:
  {"keys": {"ACCESS": {"secret": "…", "token": "…"}}}   what may sign
  {"faults": [{"operation": "part", "do": "503", "times": 2, "skip": 0}]}
  {"bucket": "name"}                                    makes a bucket
  {"identity": {"token": "…", "role": "…", "keys": {…}}} what STS gives for a token
  {"identity": {"moto": true}}                          moto's own STS gives keys
  {"hold": true}                                        new requests wait until it is false
  {"away": true}                                        every connection is broken off
  {"reset": true}                                       forgets all objects, and what came
  {"tls": true}                                         listens with TLS too: the answer has `port`,
                                                        and `ca`, whom its certificate is of
GET /_log tells what came: operation, key, status, query and fields of each request.
GET /_object/BUCKET/KEY gives an object without any check.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import re
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)

lock = threading.Condition()
state = {
    "keys": {"test-access": {"secret": "test-secret/+="}},
    "faults": [],
    "identity": None,
    "hold": False,
    "away": False,
    # By path, the MD5 of the key that the object is encrypted with.
    "customer": {},
    "checksums": {},
}
log = []
moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
moto_host, moto_port = moto.get_host_and_port()


class Refused(Exception):
    def __init__(self, status, code, detail=""):
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def hmac256(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def check_signature(handler, path, query, body):
    """Raises Refused unless the request is signed as the rules say."""
    fields = {}
    for name, value in handler.headers.items():
        fields.setdefault(name.lower(), []).append(" ".join(value.split()))
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, "
        r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})",
        handler.headers.get("Authorization", ""),
    )
    if not match:
        raise Refused(403, "AccessDenied", "no signature")
    access, day, region, names, signature = match.groups()
    known = state["keys"].get(access)
    if known is None:
        raise Refused(403, "InvalidAccessKeyId")
    if known.get("token", "") != handler.headers.get("x-amz-security-token", ""):
        raise Refused(403, "InvalidToken")
    signed = names.split(";")
    if signed != sorted(signed) or "host" not in signed:
        raise Refused(403, "SignatureDoesNotMatch", "names")
    for name in fields:
        if name.startswith("x-amz-") and name not in signed:
            raise Refused(403, "AccessDenied", f"{name} is not signed")
    stamp = handler.headers.get("x-amz-date", "")
    when = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ")
    age = abs((datetime.datetime.utcnow() - when).total_seconds())
    if age > 900 or not stamp.startswith(day):
        raise Refused(403, "RequestTimeTooSkewed")
    if region != "eu-test-1":
        raise Refused(400, "AuthorizationHeaderMalformed", region)
    decoded = urllib.parse.unquote(path)
    if urllib.parse.quote(decoded, safe="/-_.~") != path:
        raise Refused(403, "SignatureDoesNotMatch", "path is not encoded as it should be")
    pairs = []
    for piece in query.split("&") if query else []:
        name, _, value = piece.partition("=")
        for text in (name, value):
            if urllib.parse.quote(urllib.parse.unquote(text), safe="-_.~") != text:
                raise Refused(403, "SignatureDoesNotMatch", "query is not encoded")
        pairs.append((name, value))
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    digest = handler.headers.get("x-amz-content-sha256", "")
    if digest != hashlib.sha256(body).hexdigest():
        raise Refused(400, "XAmzContentSHA256Mismatch")
    lines = "".join(f"{name}:{','.join(fields[name])}\n" for name in signed)
    canonical = "\n".join([handler.command, path, query, lines, names, digest])
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = ("AWS4" + known["secret"]).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac256(key, part)
    if not hmac.compare_digest(hmac256(key, text).hex(), signature):
        raise Refused(403, "SignatureDoesNotMatch")


def check_checksums(headers, body):
    values = {
        "x-amz-checksum-sha256": hashlib.sha256(body).digest(),
        "x-amz-checksum-crc32": struct.pack(">I", zlib.crc32(body)),
    }
    for name, value in values.items():
        given = headers.get(name)
        if given is not None and given != base64.b64encode(value).decode():
            raise Refused(400, "BadDigest", name)


CUSTOMER = "x-amz-server-side-encryption-customer-"


def check_customer_key(handler, name, path):
    """Raises Refused unless the customer's key is right, and the one of the object."""
    if name not in ("put", "create", "part", "head", "get"):
        return
    key, given = handler.headers.get(CUSTOMER + "key"), handler.headers.get(CUSTOMER + "key-md5")
    if key is not None:
        raw = base64.b64decode(key)
        right = base64.b64encode(hashlib.md5(raw).digest()).decode()
        algorithm = handler.headers.get(CUSTOMER + "algorithm")
        if algorithm != "AES256" or len(raw) != 32 or given != right:
            raise Refused(400, "InvalidArgument", "customer key")
        if not isinstance(handler.connection, ssl.SSLSocket):
            raise Refused(400, "InvalidRequest", "customer keys need TLS")
    if name in ("put", "create"):
        state["customer"][path] = given
    elif state["customer"].get(path) != given:
        raise Refused(400, "InvalidRequest", "the object is encrypted with another key")


CHECKSUMS = {"x-amz-checksum-sha256": "ChecksumSHA256", "x-amz-checksum-crc32": "ChecksumCRC32"}


def with_checksums(answer, upload):
    """A list of parts with the checksums that they came with, which moto leaves out."""
    return re.sub(
        rb"<PartNumber>(\d+)</PartNumber>",
        lambda found: found[0]
        + state["checksums"].get((upload, found[1].decode()), "").encode(),
        answer,
    )


def other_tags(text):
    """ETags as they are where a customer's key encrypts: no MD5 of what was sent. Undoes itself."""
    return re.sub(
        rb'(^|<ETag>)("|&quot;|)([0-9a-f]{32})',
        lambda found: found[1] + found[2] + found[3][::-1],
        text,
    )


def operation(method, key, query):
    if not key:
        return "uploads" if "uploads" in query else "list"
    if method == "POST":
        return "create" if "uploads" in query else "complete"
    if method == "PUT":
        return "part" if "partNumber" in query else "put"
    if method == "GET":
        return "parts" if "uploadId" in query else "get"
    return {"HEAD": "head", "DELETE": "abort"}.get(method, method)


def take_fault(name):
    with lock:
        for fault in state["faults"]:
            if fault["operation"] not in (name, "any"):
                continue
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                continue
            if fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault["do"]
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, status, body=b"", fields=()):
        self.send_response(status)
        names = [name.lower() for name, _ in fields]
        for name, value in fields:
            self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, detail=""):
        self.reply(
            status,
            f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{detail}</Message></Error>"
            .encode(),
            [("Content-Type", "application/xml")],
        )

    def hang_up(self):
        self.close_connection = True
        try:
            self.connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            self.connection.close()
        except OSError:
            pass

    def handle_any(self):
        path, _, query = self.path.partition("?")
        if path == "/_control":
            return self.control()
        if path == "/_log":
            with lock:
                return self.reply(200, json.dumps(log).encode())
        if path.startswith("/_object/"):
            # As it is in the bucket, past all checks.
            self.headers["Authorization"] = (
                "AWS4-HMAC-SHA256 Credential=x/20240101/eu-test-1/s3/aws4_request"
            )
            status, fields, body = self.forward(path[len("/_object") :], query, b"")
            return self.reply(status, body, fields)
        if state["away"]:
            return self.hang_up()
        length = self.headers.get("Content-Length")
        if length is None and self.command in ("PUT", "POST"):
            return self.error(411, "MissingContentLength")
        host = self.headers.get("Host", "").split(":")[0]
        if self.command == "POST" and path == "/" and host == "127.0.0.1":
            return self.sts(self.rfile.read(int(length)))
        with lock:
            lock.wait_for(lambda: not state["hold"], timeout=60)
        bucket = host[: -len(".localhost")] if host.endswith(".localhost") else ""
        full = f"/{bucket}{path}" if bucket else path
        key = full.lstrip("/").partition("/")[2]
        names = urllib.parse.parse_qs(query, keep_blank_values=True)
        name = operation(self.command, key, names)
        entry = {
            "operation": name,
            "key": urllib.parse.unquote(key),
            "query": {n: v[0] for n, v in names.items()},
            "fields": {n.lower(): v for n, v in self.headers.items()},
            "length": int(length or 0),
        }
        with lock:
            log.append(entry)
        fault = take_fault(name)
        if fault == "cut":
            # In the middle of the body, or before any answer.
            self.rfile.read(int(length or 0) // 2)
            entry["status"] = "cut"
            return self.hang_up()
        body = self.rfile.read(int(length or 0))
        if len(body) < int(length or 0):
            # Who sent it is gone: S3 takes nothing and has nobody to tell.
            entry["status"] = "cut"
            return self.hang_up()
        if fault == "silence":
            entry["status"] = "silence"
            time.sleep(20)
            return self.hang_up()
        try:
            check_signature(self, path, query, body)
            check_checksums(self.headers, body)
            check_customer_key(self, name, full)
        except Refused as refusal:
            entry["status"], entry["refused"] = refusal.status, refusal.code
            return self.error(refusal.status, refusal.code, refusal.detail)
        except ValueError as error:
            entry["status"], entry["refused"] = 400, str(error)
            return self.error(400, "InvalidRequest")
        if self.simulate(fault, entry):
            return None
        if name == "part":
            given = [v for n, v in self.headers.items() if n.lower() in CHECKSUMS]
            kind = [CHECKSUMS[n.lower()] for n in self.headers if n.lower() in CHECKSUMS]
            if given:
                part = (names["uploadId"][0], names["partNumber"][0])
                state["checksums"][part] = f"<{kind[0]}>{given[0]}</{kind[0]}>"
        has_key = self.headers.get(CUSTOMER + "key") is not None
        if has_key and name == "complete":
            body = other_tags(body)
        if fault == "twice":
            self.forward(full, query, body)
        status, fields, answer = self.forward(full, query, body)
        if has_key:
            fields = [
                (n, other_tags(v.encode()).decode() if n.lower() == "etag" else v)
                for n, v in fields
            ]
            answer = answer if name == "get" else other_tags(answer)
        if name == "parts":
            answer = with_checksums(answer, names["uploadId"][0])
        entry["status"] = status
        if fault == "lose-reply":
            return self.hang_up()
        if fault == "slow":
            time.sleep(0.5)
        return self.reply(status, answer, fields)

    def simulate(self, fault, entry):
        """Whether the fault has answered."""
        if fault is None or fault in ("lose-reply", "slow", "twice"):
            return False
        entry["status"] = fault
        errors = {
            "500": (500, "InternalError"),
            "503": (503, "SlowDown"),
            "403": (403, "AccessDenied"),
            "404-upload": (404, "NoSuchUpload"),
            "400-parts": (400, "InvalidPart"),
        }
        if fault in errors:
            self.error(*errors[fault])
        elif fault == "error-200":
            self.error(200, "InternalError")
        elif fault == "garbage":
            self.reply(200, b"<<<\xff\x00 not xml", [("ETag", "")])
        elif fault == "html":
            self.reply(200, b"<html><body>Welcome to the hotel</body></html>")
        elif fault == "bomb":
            self.reply(200, b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>')
        elif fault == "deep":
            self.reply(200, b"<a>" * 100000)
        elif fault == "huge":
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 40))
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.close_connection = True
        elif fault == "types":
            self.reply(
                200,
                b"<ListMultipartUploadsResult><IsTruncated>maybe</IsTruncated><Upload/>"
                b"<Upload><Key>k</Key></Upload></ListMultipartUploadsResult>",
            )
        else:
            raise SystemExit(f"no such fault: {fault}")
        return True

    def forward(self, path, query, body):
        connection = http.client.HTTPConnection(moto_host, moto_port, timeout=60)
        fields = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in ("host", "connection", "content-length")
            and not name.lower().startswith(CUSTOMER)
        }
        fields["Host"] = f"{moto_host}:{moto_port}"
        if self.command in ("PUT", "POST"):
            fields["Content-Length"] = str(len(body))
        connection.request(self.command, path + ("?" + query if query else ""), body, fields)
        answer = connection.getresponse()
        content = answer.read()
        kept = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in ("connection", "transfer-encoding", "date", "server")
            and (name.lower() != "content-length" or self.command == "HEAD")
        ]
        connection.close()
        return answer.status, kept, content

    def control(self):
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with lock:
            for name in ("keys", "faults", "identity", "hold", "away"):
                if name in order:
                    state[name] = order[name]
            lock.notify_all()
        if order.get("tls"):
            return self.reply(200, json.dumps(listen_with_tls()).encode())
        if order.get("reset"):
            with lock:
                log.clear()
                state["customer"].clear()
            connection = http.client.HTTPConnection(moto_host, moto_port, timeout=20)
            connection.request("POST", "/moto-api/reset", b"")
            connection.getresponse().read()
            connection.close()
        if "bucket" in order:
            connection = http.client.HTTPConnection(moto_host, moto_port, timeout=20)
            fields = {
                "Authorization": "AWS4-HMAC-SHA256 Credential=x/20240101/us-east-1/s3/aws4_request"
            }
            connection.request("PUT", "/" + order["bucket"], b"", fields)
            connection.getresponse().read()
            connection.close()
        self.reply(200, b"{}")

    def sts(self, body):
        form = {n: v[0] for n, v in urllib.parse.parse_qs(body.decode()).items()}
        identity = state["identity"]
        with lock:
            log.append({"operation": "sts", "key": "", "query": form})
        if identity and identity.get("moto"):
            return self.moto_sts(body)
        right = identity and form.get("Action") == "AssumeRoleWithWebIdentity"
        if not right or form.get("WebIdentityToken") != identity["token"]:
            return self.reply(
                400,
                b"<ErrorResponse><Error><Code>InvalidIdentityToken</Code></Error></ErrorResponse>",
            )
        keys = identity["keys"]
        end = datetime.datetime.utcnow() + datetime.timedelta(seconds=identity["seconds"])
        with lock:
            state["keys"] = {keys["access"]: {"secret": keys["secret"], "token": keys["token"]}}
        return self.reply(
            200,
            (
                '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/">'
                "<AssumeRoleWithWebIdentityResult><Credentials>"
                f"<AccessKeyId>{keys['access']}</AccessKeyId>"
                f"<SecretAccessKey>{keys['secret']}</SecretAccessKey>"
                f"<SessionToken>{keys['token']}</SessionToken>"
                f"<Expiration>{end.strftime('%Y-%m-%dT%H:%M:%SZ')}</Expiration>"
                "</Credentials></AssumeRoleWithWebIdentityResult>"
                "</AssumeRoleWithWebIdentityResponse>"
            ).encode(),
        )

    def moto_sts(self, body):
        """Lets moto's own STS answer, and takes the keys that it gives."""
        connection = http.client.HTTPConnection(moto_host, moto_port, timeout=60)
        fields = {"Content-Type": self.headers["Content-Type"], "Host": "sts.amazonaws.com"}
        connection.request("POST", "/", body, fields)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()

        def text(name):
            return re.search(f"<{name}>([^<]+)</{name}>", content.decode())[1]

        if answer.status == 200:
            keys = {"secret": text("SecretAccessKey"), "token": text("SessionToken")}
            with lock:
                state["keys"] = {text("AccessKeyId"): keys}
        return self.reply(answer.status, content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any


def certificate(name, key, issuer, issuer_key, days=2):
    now = datetime.datetime.utcnow()
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer == name, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def listen_with_tls():
    """A second listener; its certificate is of an authority that nobody else knows."""
    def named(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    root_key = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    root = certificate(named("test authority"), root_key, named("test authority"), root_key)
    leaf = certificate(named("store"), key, named("test authority"), root_key)
    pem = serialization.Encoding.PEM
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(leaf.public_bytes(pem))
        file.write(
            key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        file.flush()
        context.load_cert_chain(file.name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # The handshake is for the connection's own thread.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"port": server.server_address[1], "ca": root.public_bytes(pem).decode()}


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    # Lives as long as whoever started it.
    sys.stdin.read()
    import os

    os._exit(0)


signal.signal(signal.SIGPIPE, signal.SIG_IGN)
main()
