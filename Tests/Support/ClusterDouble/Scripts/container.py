"""One container: a process in namespaces of its own, its streams, and programs beside it."""

import asyncio
import fcntl
import json
import os
import pty
import signal
import struct
import termios

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}


def failure(code):
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def internal(message):
    return {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": "InternalError", "code": 500,
        "message": f"Internal error occurred: {message}",
        "details": {"causes": [{"message": message}]},
    }


class Container:
    def __init__(self, image, folder, pod, spec, hostname):
        self.image, self.folder, self.pod, self.spec = image, folder, pod, spec
        self.hostname = hostname
        self.process, self.inner, self.code, self.reason = None, 0, None, None
        self.is_ready = False
        self.hidden = []
        self.said = bytearray()
        self.attached = []
        self.has_attached = False
        self.ended = asyncio.get_running_loop().create_future()
        self.drained = []

    @property
    def is_running(self):
        return self.is_ready and self.code is None

    def setting(self, key, default):
        own = self.spec.get("securityContext") or {}
        return own.get(key, (self.pod.get("securityContext") or {}).get(key, default))

    def environment(self):
        environment = {"PATH": PATH, "HOSTNAME": self.hostname, "HOME": "/"}
        for entry in self.spec.get("env") or []:
            environment[entry["name"]] = entry.get("value", "")
        return environment

    def arguments(self, info):
        root = os.path.join(self.folder, "root-" + self.spec["name"])
        for part in ("tmp", "root", "home", "etc", "proc", "dev", "usr", "var"):
            os.makedirs(os.path.join(root, part), exist_ok=True)
        os.chmod(os.path.join(root, "tmp"), 0o1777)
        result = ["bwrap", "--unshare-all", "--die-with-parent", "--as-pid-1", "--info-fd",
                  str(info), "--uid", str(self.setting("runAsUser", 0)),
                  "--gid", str(self.setting("runAsGroup", 0)), "--hostname", self.hostname,
                  "--ro-bind" if self.setting("readOnlyRootFilesystem", False) else "--bind",
                  root, "/"]
        for part in sorted(os.listdir(self.image)):
            if part not in ("tmp", "proc", "dev"):
                result += ["--ro-bind", os.path.join(self.image, part), "/" + part]
        result += ["--proc", "/proc", "--dev", "/dev"]
        for mount in self.spec.get("volumeMounts") or []:
            place = os.path.join(self.folder, "volume-" + mount["name"])
            os.makedirs(place, exist_ok=True)
            os.makedirs(root + mount["mountPath"], exist_ok=True)
            result += ["--ro-bind" if mount.get("readOnly") else "--bind", place,
                       mount["mountPath"]]
        result += ["--chdir", self.spec.get("workingDir", "/"), "--clearenv"]
        for name, value in self.environment().items():
            result += ["--setenv", name, value]
        command = (self.spec.get("command") or ["/bin/sh"]) + (self.spec.get("args") or [])
        return result + ["--"] + command

    async def start(self):
        reader, writer = os.pipe()
        os.set_inheritable(writer, True)
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self.arguments(writer), stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                pass_fds=[writer], limit=1 << 20)
        finally:
            os.close(writer)
        if not self.spec.get("stdin"):
            self.process.stdin.close()
        told = await asyncio.get_running_loop().run_in_executor(None, self.read_all, reader)
        try:
            self.inner = json.loads(told)["child-pid"]
        except ValueError:
            self.inner = 0
        self.drained = [
            asyncio.ensure_future(self.carry(self.process.stdout, 1)),
            asyncio.ensure_future(self.carry(self.process.stderr, 2)),
        ]
        asyncio.ensure_future(self.wait())
        # Until its own program runs, what it is in is still being made.
        while self.code is None and self.inner:
            try:
                if not os.readlink(f"/proc/{self.inner}/exe").endswith("bwrap"):
                    break
            except OSError:
                break
            await asyncio.sleep(0.005)
        self.is_ready = True

    @staticmethod
    def read_all(descriptor):
        with os.fdopen(descriptor, "rb") as file:
            said = b""
            while not said.rstrip().endswith(b"}"):
                more = file.read1(4096)
                if not more:
                    break
                said += more
            return said

    async def carry(self, stream, channel):
        while True:
            data = await stream.read(1 << 16)
            if not data:
                return
            self.said += data
            del self.said[:-65536]
            for socket in list(self.attached):
                try:
                    await socket.send(channel, data)
                except (ConnectionError, OSError):
                    if socket in self.attached:
                        self.attached.remove(socket)

    async def wait(self):
        code = await self.process.wait()
        self.code = 128 - code if code < 0 else code
        await asyncio.gather(*self.drained)
        for socket in self.attached:
            try:
                await socket.send(3, json.dumps(SUCCESS).encode())
            except (ConnectionError, OSError):
                pass
            await socket.close()
        self.ended.set_result(self.code)

    async def end(self):
        if self.process is None:
            return 0
        return await asyncio.shield(self.ended)

    def kill(self, number):
        if self.process is None or self.code is not None:
            return
        try:
            os.kill(self.inner or self.process.pid, number)
        except ProcessLookupError:
            pass

    def state(self):
        if self.process is None:
            return {"waiting": {"reason": "ContainerCreating"}}
        if self.code is None:
            return {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        reason = self.reason or ("Completed" if self.code == 0 else "Error")
        return {"terminated": {"exitCode": self.code, "reason": reason}}

    # -- attach

    async def attach(self, socket):
        self.attached.append(socket)
        try:
            while True:
                message = await socket.receive()
                if message is None:
                    return
                channel, data = message
                if channel == 0 and self.spec.get("stdin"):
                    self.process.stdin.write(data)
                    await self.process.stdin.drain()
                elif channel == 255 and data == b"\0":
                    self.process.stdin.close()
        except (ConnectionError, OSError):
            pass
        finally:
            if socket in self.attached:
                self.attached.remove(socket)
            if self.spec.get("stdinOnce"):
                self.process.stdin.close()

    # -- exec

    def has(self, name):
        """Whether the container has this program."""
        if name in self.hidden:
            return False
        places = [name] if "/" in name else [
            f"{part}/{name}" for part in self.environment()["PATH"].split(":")]
        root = f"/proc/{self.inner}/root"
        for place in places:
            path = root + place
            try:
                if os.path.islink(path):
                    goal = os.readlink(path)
                    path = root + os.path.join(os.path.dirname(place), goal)
                if os.access(path, os.X_OK) and not os.path.isdir(path):
                    return True
            except OSError:
                pass
        return False

    async def execute(self, socket, command, tty):
        if not command or not self.has(command[0]):
            name = command[0] if command else ""
            text = ("failed to exec in container: failed to start exec: OCI runtime exec failed: "
                    f'exec failed: unable to start container process: exec: "{name}": '
                    "stat: no such file or directory: unknown")
            await socket.send(3, json.dumps(internal(text)).encode())
            return await socket.close()
        enter = ["nsenter", "-t", str(self.inner), "-U", "--preserve-credentials", "-m", "-p",
                 "-n", "-i", "-u", "-r", f"--wd={self.workdir()}", "--"]
        # Behind nsenter, which waits outside and is nobody's foreground process.
        enter += (["/bin/setsid", "-c"] if tty else []) + command
        if tty:
            await self.with_terminal(socket, enter)
        else:
            await self.with_pipes(socket, enter)

    def workdir(self):
        return f"/proc/{self.inner}/root" + self.spec.get("workingDir", "/")

    async def with_pipes(self, socket, command):
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, env=self.environment(), limit=1 << 20)
        outputs = [
            asyncio.ensure_future(self.pump(process.stdout, socket, 1)),
            asyncio.ensure_future(self.pump(process.stderr, socket, 2)),
        ]
        feeding = asyncio.ensure_future(self.feed(socket, process.stdin))
        code = await process.wait()
        # What children hold open is waited for, as containerd does.
        await asyncio.gather(*outputs)
        await self.finish(socket, code)
        feeding.cancel()

    @staticmethod
    async def pump(stream, socket, channel):
        is_there = True
        while True:
            data = await stream.read(1 << 16)
            if not data:
                return
            try:
                if is_there:
                    await socket.send(channel, data)
            except (ConnectionError, OSError):
                is_there = False

    @staticmethod
    async def feed(socket, stdin):
        # The program outlives its client; it only sees the end of its input.
        try:
            while True:
                message = await socket.receive()
                if message is None:
                    return
                channel, data = message
                if channel == 0:
                    stdin.write(data)
                    try:
                        await stdin.drain()
                    except (BrokenPipeError, ConnectionResetError):
                        pass
                elif channel == 255 and data == b"\0" and socket.protocol.startswith("v5."):
                    stdin.close()
        finally:
            stdin.close()

    @staticmethod
    async def finish(socket, code):
        code = 128 - code if code < 0 else code
        try:
            await socket.send(3, json.dumps(SUCCESS if code == 0 else failure(code)).encode())
            await socket.close()
        except (ConnectionError, OSError):
            pass

    async def with_terminal(self, socket, command):
        master, slave = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            *command, stdin=slave, stdout=slave, stderr=slave,
            env=self.environment())
        os.close(slave)
        loop = asyncio.get_running_loop()
        output = asyncio.ensure_future(self.read_terminal(loop, master, socket))
        typing = asyncio.ensure_future(self.type(loop, master, socket))
        code = await process.wait()
        await output
        typing.cancel()
        os.close(master)
        await self.finish(socket, code)

    @staticmethod
    async def read_terminal(loop, master, socket):
        is_there = True
        while True:
            try:
                data = await loop.run_in_executor(None, os.read, master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            try:
                if is_there:
                    await socket.send(1, data)
            except (ConnectionError, OSError):
                is_there = False

    @staticmethod
    async def type(loop, master, socket):
        while True:
            message = await socket.receive()
            if message is None:
                return
            channel, data = message
            if channel == 0:
                await loop.run_in_executor(None, os.write, master, data)
            elif channel == 4:
                size = json.loads(data)
                packed = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
                fcntl.ioctl(master, termios.TIOCSWINSZ, packed)
