"""The servers that are measured: a private sshd of Debian, and Berth as `make run` starts it."""

import getpass
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
X25519 = "curve25519-sha256"
THREADS = os.cpu_count() or 1


def busybox_source(count):
    """As `Target.source`; busybox's own head writes a quarter as fast as its dd."""
    return f"echo ready; read go; exec dd if=/dev/zero bs=65536 count={count // 65536} 2>/dev/null"


def free_port_base(count=8):
    """A port with `count` - 1 free ones behind it, below those the kernel hands out."""
    for base in range(21000, 31000, 50):
        sockets = []
        try:
            for port in range(base, base + count):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return base
        except OSError:
            continue
        finally:
            for item in sockets:
                item.close()
    raise RuntimeError("no free ports")


def wait_until(condition, seconds, what):
    """Polls until `condition()` is true; raises with `what` when it never was."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} after {seconds} s")
        time.sleep(0.02)


class Target:
    """A running SSH server and how to log in to it."""

    #: Whether an OpenSSH client reaches it.
    is_ssh = True
    #: The load generator, berth-bench; set once for all targets.
    generator = None
    #: Logins in a row that take a few seconds.
    load = 1000
    #: The key exchange method its logins are measured with; `None` for the best it knows.
    key_exchange = None
    #: Says "ready", waits for input and then says so many zeros.
    source = staticmethod(lambda count: f"echo ready; read go; exec head -c {count} /dev/zero")
    #: Says "ready", reads everything, then says "done".
    sink = "echo ready; cat >/dev/null; echo done"
    #: Echoes.
    echo = "cat"

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.port = self.user = self.key = self.known_hosts = self.pid = None

    def argv(self, *options, command=()):
        """The command line of an OpenSSH client that logs in with the key."""
        return [
            "ssh", "-F", "/dev/null", "-T", "-p", str(self.port), "-i", str(self.key),
            "-o", "IdentitiesOnly=yes", "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "BatchMode=yes", "-o", "ControlPath=none", "-o", "LogLevel=ERROR",
            *options, f"{self.user}@127.0.0.1", *command,
        ]  # fmt: skip

    def open(self, command, *options):
        """Starts a client that runs `command`, with pipes on its standard streams."""
        return subprocess.Popen(
            self.argv(*options, command=[command]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def settle(self):
        """Waits until what the last login left behind has been done."""

    def processes(self):
        """The processes that speak SSH: this one and, for sshd, its children of the same name."""
        return [self.pid]

    def cpu(self):
        """Seconds of processor time those processes have used."""
        raise NotImplementedError

    def memory(self):
        """KiB of memory those processes hold, shared pages counted in part."""
        return sum(map(proportional_set, self.processes()))


class Sshd(Target):
    """Debian's sshd with a configuration, host key and user key of its own."""

    load = 200

    def __init__(self, folder):
        super().__init__("sshd", folder)
        self.user = getpass.getuser()
        self.key = self.folder / "id_ed25519"
        self.known_hosts = self.folder / "known_hosts"

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        self.port = free_port_base(1)
        host_key = self.folder / "host_key"
        for key in (host_key, self.key):
            make_key(key)
        public = host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {public}")
        if os.geteuid() == 0:
            # Debian's sshd wants the folder into which it locks its unprivileged half.
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self.port}\nHostKey {host_key}\n"
            f"AuthorizedKeysFile {self.key}.pub\nPidFile none\nStrictModes no\nUsePAM no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nMaxStartups 1000\nMaxSessions 100\n"
            "PrintMotd no\nPrintLastLog no\nUseDNS no\n"
            # An empty home: what this user's shell does at its start is not measured.
            f"SetEnv HOME={self.folder}\n"
        )
        self.process = subprocess.Popen(
            ["/usr/sbin/sshd", "-D", "-f", config, "-E", self.folder / "log"]
        )
        self.pid = self.process.pid
        wait_until(self.answers, 10, "sshd does not answer")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def processes(self):
        return [pid for pid in family(self.pid) if command_name(pid) == "sshd"]

    def cpu(self):
        # The listener has waited for the children that are gone.
        wait_until(lambda: self.processes() == [self.pid], 10, "sessions of sshd are still open")
        fields = stat_fields(self.pid)
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Berth(Target):
    """The whole suite, started by deploy/dev/run.sh on ports and folders of its own."""

    def __init__(self, name, folder, backend="sandbox", recording=False, **settings):
        super().__init__(name, folder)
        self.environment = {
            "BERTH_VAR": str(self.folder),
            "BERTH_DEMO_BACKEND": backend,
            "BERTH_DEMO_AUDIT": "true" if recording else "false",
            **settings,
        }
        demo = self.folder / "demo"
        self.user = "dev"
        self.key = demo / "id_ed25519"
        self.known_hosts = demo / "known_hosts"
        self.pid_file = demo / "run/gateway.pid"

    def script(self, name, *arguments):
        subprocess.run(
            [ROOT / "deploy/dev" / name, *arguments],
            env=os.environ | self.environment,
            stdout=sys.stderr,
            check=True,
        )

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.port = free_port_base()
        self.environment["BERTH_PORT_BASE"] = str(self.port)
        self.script("run.sh", "--detach")
        self.pid = int(self.pid_file.read_text().split()[0])

    def stop(self):
        self.script("stop.sh")

    def cpu(self):
        return thread_seconds(self.pid)


class BerthOnDocker(Berth):
    """The suite with a container for each connection, and `pool` that wait for connections."""

    source = staticmethod(busybox_source)

    def __init__(self, name, folder, pool=0):
        self.pool = pool
        # All containers of an image have its labels, those too that wait for nobody in particular.
        self.label = f"berth-bench={name}-{os.getpid()}"
        self.image = f"berth-bench/{name}:{os.getpid()}"
        keys = ("MINIMUM", "MAXIMUM", "TOTAL") if pool else ()
        super().__init__(
            name,
            folder,
            backend="docker",
            BERTH_DOCKER__EXECUTION__CONTAINER__IMAGE=self.image,
            **{f"BERTH_DOCKER__POOL__{key}": str(pool) for key in keys},
        )

    def start(self):
        subprocess.run(
            ["docker", "build", "--quiet", "--tag", self.image, "-"],
            input=f"FROM {DockerRun.IMAGE}\nLABEL {self.label}\n".encode(),
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        super().start()

    def stop(self):
        super().stop()
        docker("image", "rm", "--force", self.image)

    def settle(self):
        wait_until(self.is_quiet, 60, "there are other containers than those of the pool")

    def is_quiet(self):
        mark = f"label={self.label}"
        every = docker("ps", "--all", "--quiet", "--filter", mark).split()
        running = docker("ps", "--quiet", "--filter", mark).split()
        return len(every) == len(running) == self.pool


class BerthOnOCI(Berth):
    """The suite with a container of crun or runc for each connection, and `pool` that wait."""

    source = staticmethod(busybox_source)

    def __init__(self, name, folder, pool=0):
        self.pool = pool
        self.images = pathlib.Path(folder).with_name(f"{name}-images")
        super().__init__(
            name,
            folder,
            backend="oci",
            BERTH_OCI__IMAGE="busybox",
            BERTH_OCI__SHELLCOMMAND="[/bin/sh]",
            BERTH_OCI__IMAGEDIRECTORY=str(self.images),
            BERTH_OCI__STATEDIRECTORY=str(self.images.with_name(f"{name}-state")),
            BERTH_OCI__POOL__MINIMUM=str(pool),
            BERTH_OCI__POOL__MAXIMUM=str(pool),
        )

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        image = self.folder / "busybox.tar"
        docker("save", "--output", str(image), DockerRun.IMAGE)
        tool = ROOT / ".build" / os.environ.get("BERTH_BUILD", "release") / "berth"
        subprocess.run(
            [tool, "image", "import", "--directory", self.images, "busybox", image],
            check=True,
            stdout=sys.stderr,
        )
        super().start()

    def settle(self):
        # Another one starts within a tenth of this.
        time.sleep(0.5 if self.pool else 0)


class DockerRun(Target):
    """The engine's own client, with a new container for each command."""

    is_ssh = False
    source = staticmethod(busybox_source)
    IMAGE = "berth-test/busybox:latest"

    def start(self):
        self.pid = int(pathlib.Path("/var/run/docker.pid").read_text())

    def stop(self):
        pass

    def argv(self, *options, command=()):
        return ["docker", "run", "--rm", "--interactive", self.IMAGE, "sh", "-c", *command]

    def cpu(self):
        return thread_seconds(self.pid)


class DockerExec(DockerRun):
    """The engine's own client, in a container that runs already."""

    def start(self):
        super().start()
        self.container = docker("run", "--detach", "--rm", self.IMAGE, "sleep", "86400").strip()

    def stop(self):
        docker("rm", "--force", self.container)

    def argv(self, *options, command=()):
        return ["docker", "exec", "--interactive", self.container, "sh", "-c", *command]


class Process(Target):
    """A server that is one process with threads, and that lets everyone in."""

    #: Set for those whose programs run inside the server.
    is_inside = False

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.user = "bench"
        self.key = self.folder / "id_ed25519"
        self.known_hosts = "/dev/null"
        if self.is_inside:
            self.source, self.sink, self.echo = "zeros {}".format, "sink", "cat-inside"

    def command(self):
        raise NotImplementedError

    def argv(self, *options, command=()):
        return super().argv("-o", "StrictHostKeyChecking=no", *options, command=command)

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        make_key(self.key)
        self.port = free_port_base(1)
        self.process = subprocess.Popen(
            self.command(), stdout=sys.stderr, stdin=subprocess.DEVNULL
        )
        self.pid = self.process.pid
        wait_until(self.answers, 10, f"{self.name} does not answer")

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)

    def cpu(self):
        return thread_seconds(self.pid)


class Engine(Process):
    """Our SSH engine alone: no webhook, no recording, no workspace behind it."""

    is_inside = True

    def command(self):
        return [self.generator, "serve", "--port", str(self.port), "--threads", str(THREADS)]


class EngineX25519(Engine):
    """The same with the key exchange that libssh knows."""

    key_exchange = X25519


class Libssh(Process):
    """A server on libssh: Tests/BenchPeers/libssh-server.c."""

    key_exchange = X25519
    #: Where it was built; set once.
    program = None

    def command(self):
        return [self.program, str(self.port), str(self.key), str(THREADS)]


class LibsshInside(Libssh):
    is_inside = True


def docker(*words):
    return subprocess.run(
        ["docker", *words], check=True, timeout=60, stdout=subprocess.PIPE, text=True
    ).stdout


def thread_seconds(pid):
    """Seconds on a processor of all threads of a process that live as long as it does."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    # The first field: nanoseconds (proc(5), schedstat).
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def stat_fields(pid):
    """The fields of /proc/PID/stat behind the name, which may hold blanks (proc(5))."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def command_name(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def family(pid):
    """The process and all its living descendants."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int(stat_fields(entry.name)[1]), []).append(int(entry.name))
            except OSError:
                continue
    found, pending = [], [pid]
    while pending:
        current = pending.pop()
        found.append(current)
        pending += children.get(current, [])
    return found


def proportional_set(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory map")
