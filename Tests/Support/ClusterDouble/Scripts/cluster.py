#!/usr/bin/env python3
"""A double of a Kubernetes API server and its one node, for tests.

It speaks what Berth uses of API server 1.34 over TLS: pods (create, get, list, watch, merge patch,
delete, log), exec and attach as WebSockets. Containers are processes of this machine in
namespaces of their own (bubblewrap). Faults are set through /double.
"""

import argparse
import asyncio
import base64
import copy
import json
import os
import re
import shutil
import signal
import ssl
import urllib.parse

import admission
import node
import prepare
import store
from sockets import WebSocket, accept_key

PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"]


class Refused(Exception):
    """A Status object in the place of an answer."""

    def __init__(self, code, reason, message, details=None, headers=None):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details, self.headers = details or {}, headers or {}

    def body(self):
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "details": self.details,
            "code": self.code,
        }


class Request:
    def __init__(self, method, target, headers, body, peer):
        parts = urllib.parse.urlsplit(target)
        self.method, self.path, self.headers, self.body = method, parts.path, headers, body
        self.query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        self.peer = peer
        # Whether its answer is to get lost, by a fault.
        self.is_lost = False

    def one(self, name, default=""):
        return self.query.get(name, [default])[-1]


class Server:
    def __init__(self, options):
        self.store = store.Store()
        self.node = node.Node(options.root, options.state, self.store)
        self.tokens = {options.token}
        self.users = {"admin": "secret"}
        self.faults = []
        self.rules = json.loads(options.rules) if options.rules else None
        self.journal = []
        self.writers = set()
        self.streams = set()
        self.enforce = {"default": "restricted", "people": "restricted", "lab": None}
        self.protocols = PROTOCOLS
        self.idle_streams = False
        self.context, self.listener, self.port = None, None, 0

    # -- connections

    async def listen(self):
        self.listener = await asyncio.start_server(
            self.serve, "127.0.0.1", self.port, ssl=self.context, limit=1 << 20)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def restart(self, seconds):
        """Is away for a time, and has forgotten what was before it; the node goes on."""
        await asyncio.sleep(0.1)
        self.listener.close()
        for writer in list(self.writers):
            writer.transport.abort()
        self.store.compact()
        await asyncio.sleep(seconds)
        await self.listen()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        try:
            while await self.turn(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, OSError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def turn(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            if ":" in line:
                name, value = line.split(":", 1)
                headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        peer = writer.get_extra_info("peercert")
        request = Request(method, target, headers, body, peer)
        try:
            if request.path.startswith("/double"):
                return self.reply(writer, 200, self.control(request, writer))
            await self.fail_if_told(request, writer)
            self.authenticate(request)
            return await self.route(request, reader, writer)
        except Refused as refusal:
            return self.reply(writer, refusal.code, refusal.body(), refusal.headers)

    def reply(self, writer, status, body, headers=None, lost=False):
        if lost:
            # Done, and nobody will hear of it.
            raise ConnectionResetError()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "text/plain" if isinstance(body, bytes) else "application/json"
        lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + data)
        return True

    # -- who

    def authenticate(self, request):
        if request.peer and self.subject(request.peer):
            return
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind == "Bearer" and value in self.tokens:
            return
        if kind == "Basic":
            name, _, password = base64.b64decode(value).decode().partition(":")
            if self.users.get(name) == password:
                return
        raise Refused(401, "Unauthorized", "Unauthorized")

    @staticmethod
    def subject(peer):
        return any(key == "commonName" for part in peer.get("subject", ()) for key, _ in part)

    def authorize(self, verb, resource, namespace):
        self.journal.append(f"{verb} {resource}")
        if self.rules is None:
            return
        for rule in self.rules:
            if resource in rule["resources"] and verb in rule["verbs"]:
                return
        raise Refused(
            403, "Forbidden",
            f'{resource} is forbidden: User "system:serviceaccount:berth:gateway" cannot {verb} '
            f'resource "{resource}" in API group "" in the namespace "{namespace}"')

    # -- faults

    async def fail_if_told(self, request, writer):
        for fault in list(self.faults):
            if fault.get("method", request.method) != request.method:
                continue
            if not re.search(fault.get("path", ""), request.path):
                continue
            if fault.get("query") and not re.search(fault["query"], str(request.query)):
                continue
            fault["times"] = fault.get("times", 1) - 1
            if fault["times"] <= 0:
                self.faults.remove(fault)
            if fault.get("delay"):
                await asyncio.sleep(fault["delay"])
            if fault.get("cut"):
                writer.write(fault["cut"].encode())
                raise ConnectionResetError()
            if fault.get("lose"):
                request.is_lost = True
            if fault.get("status"):
                headers = {}
                if fault.get("retryAfter") is not None:
                    headers["Retry-After"] = str(fault["retryAfter"])
                raise Refused(
                    fault["status"], fault.get("reason", ""), fault.get("message", "as told"),
                    headers=headers)

    def control(self, request, own):
        what = request.path.removeprefix("/double/")
        told = json.loads(request.body or b"{}")
        if what == "fault":
            self.faults.append(told)
        elif what == "tokens":
            self.tokens = set(told["tokens"])
        elif what == "rules":
            self.rules = told["rules"]
        elif what == "node":
            self.node.settings.update(told)
        elif what == "enforce":
            self.enforce.update(told)
        elif what == "protocols":
            self.protocols = told["protocols"]
        elif what == "compact":
            self.store.compact()
        elif what == "drop":
            for writer in self.writers - {own}:
                if told.get("streams", True) or writer not in self.streams:
                    writer.transport.abort()
        elif what == "restart":
            self.later = asyncio.ensure_future(self.restart(told["seconds"]))
        elif what == "evict":
            self.node.evict(told["namespace"], told["name"])
        elif what == "oom":
            self.node.out_of_memory(told["namespace"], told["name"])
        elif what == "freeze":
            self.node.freeze(told["namespace"], told["name"])
        elif what == "delete":
            self.node.delete(told["namespace"], told["name"], told.get("grace", 30))
        elif what == "programs":
            return {"programs": self.node.programs(told["namespace"], told["name"])}
        elif what == "journal":
            return {"calls": self.journal}
        elif what == "pods":
            return {"pods": list(self.store.pods.values()), "processes": self.node.processes()}
        return {}

    # -- resources

    async def route(self, request, reader, writer):
        match = re.fullmatch(
            r"/api/v1/namespaces/([^/]+)/pods(?:/([^/]+)(?:/(exec|attach|log|eviction))?)?", request.path)
        if not match:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        namespace, name, part = (urllib.parse.unquote(x) if x else x for x in match.groups())
        if part in ("exec", "attach"):
            verb = "get" if request.method == "GET" else "create"
            self.authorize(verb, f"pods/{part}", namespace)
            return await self.stream(request, namespace, name, part, reader, writer)
        if part == "log":
            self.authorize("get", "pods/log", namespace)
            return self.reply(writer, 200, self.log(request, namespace, name))
        if part == "eviction":
            self.authorize("create", "pods/eviction", namespace)
            self.find(namespace, name)
            self.node.drain(namespace, name)
            return self.reply(writer, 201, {"kind": "Status", "status": "Success"})
        if name is None:
            if request.method == "POST":
                self.authorize("create", "pods", namespace)
                return self.reply(
                    writer, 201, self.create(namespace, request), lost=request.is_lost)
            if request.one("watch") in ("true", "1"):
                self.authorize("watch", "pods", namespace)
                return await self.watch(request, namespace, reader, writer)
            self.authorize("list", "pods", namespace)
            return self.reply(writer, 200, self.store.list(namespace, request))
        if request.method == "DELETE":
            self.authorize("delete", "pods", namespace)
            return self.reply(
                writer, 200, self.delete(request, namespace, name), lost=request.is_lost)
        if request.method == "PATCH":
            self.authorize("patch", "pods", namespace)
            return self.reply(writer, 200, self.patch(request, namespace, name))
        self.authorize("get", "pods", namespace)
        return self.reply(writer, 200, self.find(namespace, name))

    def find(self, namespace, name):
        pod = self.store.pods.get((namespace, name))
        if pod is None:
            raise Refused(
                404, "NotFound", f'pods "{name}" not found', {"name": name, "kind": "pods"})
        return pod

    def create(self, namespace, request):
        if namespace not in self.enforce:
            raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
        try:
            pod = json.loads(request.body)
        except ValueError as error:
            raise Refused(400, "BadRequest", f"couldn't get body: {error}")
        metadata = pod.setdefault("metadata", {})
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                raise Refused(422, "Invalid", "name or generateName is required")
            metadata["name"] = metadata["generateName"] + os.urandom(3).hex()[:5]
        if (namespace, metadata["name"]) in self.store.pods:
            raise Refused(409, "AlreadyExists", f'pods "{metadata["name"]}" already exists')
        for problem in admission.problems(pod):
            raise Refused(422, "Invalid", f'Pod "{metadata["name"]}" is invalid: {problem}')
        if self.enforce[namespace] == "restricted":
            found = admission.restricted(pod["spec"])
            if found:
                raise Refused(
                    403, "Forbidden",
                    f'pods "{metadata["name"]}" is forbidden: violates PodSecurity '
                    f'"restricted:latest": {", ".join(found)}')
        metadata["namespace"] = namespace
        pod.update(kind="Pod", apiVersion="v1")
        pod["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
        self.store.add(pod)
        self.node.start(namespace, metadata["name"])
        return pod

    def patch(self, request, namespace, name):
        pod = self.find(namespace, name)
        if request.headers.get("content-type") != "application/merge-patch+json":
            raise Refused(415, "UnsupportedMediaType", "the body is of no supported kind")
        changed = store.merge(copy.deepcopy(pod), json.loads(request.body))
        for problem in admission.problems(changed):
            raise Refused(422, "Invalid", f'Pod "{name}" is invalid: {problem}')
        if changed["spec"] != pod["spec"]:
            raise Refused(422, "Invalid", "pod updates may not change fields other than ...")
        self.store.change(namespace, name, lambda found: found.update(changed))
        return self.find(namespace, name)

    def delete(self, request, namespace, name):
        pod = self.find(namespace, name)
        options = json.loads(request.body or b"{}")
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != pod["metadata"]["uid"]:
            raise Refused(409, "Conflict", "the UID in the precondition does not match")
        grace = options.get(
            "gracePeriodSeconds", pod["spec"].get("terminationGracePeriodSeconds", 30))
        self.node.delete(namespace, name, grace)
        return pod

    def log(self, request, namespace, name):
        self.find(namespace, name)
        container = self.node.container(namespace, name, request.one("container"))
        return bytes(container.said[-65536:]) if container else b""

    # -- watch

    async def watch(self, request, namespace, reader, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")

        def chunk(event):
            line = json.dumps(event).encode() + b"\n"
            writer.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")

        wanted = request.one("fieldSelector").removeprefix("metadata.name=")
        limit = float(request.one("timeoutSeconds", "3600"))
        end = asyncio.get_running_loop().time() + limit
        gone = asyncio.ensure_future(reader.read(1))
        try:
            async for kind, pod in self.store.events(namespace, request.one("resourceVersion")):
                if gone.done():
                    raise ConnectionResetError()
                if kind == "ERROR":
                    chunk({"type": "ERROR", "object": Refused(
                        410, "Expired", "too old resource version").body()})
                    break
                if kind == "TICK":
                    if asyncio.get_running_loop().time() > end:
                        break
                elif not wanted or pod["metadata"]["name"] == wanted:
                    chunk({"type": kind, "object": pod})
                await writer.drain()
        finally:
            gone.cancel()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return False

    # -- exec and attach

    async def stream(self, request, namespace, name, part, reader, writer):
        pod = self.find(namespace, name)
        if request.headers.get("upgrade", "").lower() != "websocket":
            raise Refused(400, "BadRequest", "Upgrade request required")
        offered = [x.strip() for x in
                   request.headers.get("sec-websocket-protocol", "").split(",")]
        chosen = next((x for x in offered if x in self.protocols), None)
        if chosen is None:
            raise Refused(403, "Forbidden", "none of the protocols is supported")
        wanted = request.one("container") or pod["spec"]["containers"][0]["name"]
        names = [x["name"] for x in pod["spec"]["containers"]]
        if wanted not in names:
            raise Refused(
                400, "BadRequest", f"container {wanted} is not valid for pod {name}")
        if pod["status"]["phase"] in ("Succeeded", "Failed"):
            raise Refused(
                500, "InternalError", "cannot exec in or attach to a container in a completed "
                f"pod; current phase is {pod['status']['phase']}")
        container = self.node.container(namespace, name, wanted)
        if container:
            container.hidden = self.node.settings["hidden"]
        if container is None or not container.is_running:
            raise Refused(
                500, "InternalError",
                f'unable to upgrade connection: container not found ("{wanted}")')
        writer.write((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(request.headers['sec-websocket-key'])}\r\n"
            f"Sec-WebSocket-Protocol: {chosen}\r\n\r\n").encode())
        socket = WebSocket(reader, writer, chosen, answers=not self.idle_streams)
        self.streams.add(writer)
        try:
            await socket.send(1, b"")
            if part == "attach":
                await container.attach(socket)
            else:
                await container.execute(
                    socket, request.query.get("command", []), request.one("tty") == "true")
        finally:
            self.streams.discard(writer)
        return False


def kubeconfig(options, port):
    """For whoever takes the double for a cluster."""
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "double",
        "contexts": [{"name": "double", "context": {"cluster": "double", "user": "double"}}],
        "clusters": [{"name": "double", "cluster": {
            "server": f"https://127.0.0.1:{port}",
            "certificate-authority": f"{options.folder}/certificates/ca.pem"}}],
        "users": [{"name": "double", "user": {"token": options.token}}],
    }


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, help="for everything; has to be empty")
    parser.add_argument("--agent", default="", help="Berth's agent, for an image of it")
    parser.add_argument("--token", required=True)
    parser.add_argument("--rules", default="")
    options = parser.parse_args()
    # A shell's background jobs ignore them, and all programs of the containers would, too.
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    options.root, options.state = f"{options.folder}/images", f"{options.folder}/pods"
    folder = f"{options.folder}/certificates"
    prepare.images(options.root, options.agent)
    prepare.certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server-key.pem")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    server = Server(options)
    server.context = context
    await server.listen()
    with open(f"{options.folder}/kubeconfig", "w") as file:
        json.dump(kubeconfig(options, server.port), file)
    with open(f"{options.folder}/port.new", "w") as file:
        file.write(str(server.port))
    os.rename(f"{options.folder}/port.new", f"{options.folder}/port")
    # Nobody else ends us.
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)
    server.node.stop()
    shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    asyncio.run(main())
