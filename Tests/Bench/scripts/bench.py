"""Measures Berth beside Debian's sshd, a server on libssh, Docker's client and a bare cluster in the
same run: `make bench`, `make bench ONLY=ssh.bulk`.

Prints a table and writes VAR/bench/latest.json, a list of objects with `name`, `unit`, `ours`,
`peer`, `peerName` and `ratio` (ours divided by peer). Names are stable.
"""

import argparse
import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import resource
import statistics
import sys

import clusters
import measures
import recordings
import search
import users
from targets import (
    ROOT,
    Berth,
    BerthOnDocker,
    BerthOnOCI,
    DockerExec,
    DockerRun,
    Engine,
    EngineX25519,
    Libssh,
    LibsshInside,
    Sshd,
    Target,
)


@dataclasses.dataclass(frozen=True)
class Benchmark:
    names: tuple  # one for each number that `measure` returns
    units: tuple
    suite: str  # which of TARGETS ours is
    peers: tuple
    measure: object
    rounds: int = 3  # ours and the peers in turns; the median counts


TARGETS = {
    "engine": lambda folder: Engine("engine", folder),
    "engine-x25519": lambda folder: EngineX25519("engine", folder),
    "plain": lambda folder: Berth("plain", folder),
    "recorded": lambda folder: Berth("recorded", folder, recording=True),
    "docker": lambda folder: BerthOnDocker("docker", folder),
    "docker-warm": lambda folder: BerthOnDocker("docker-warm", folder, pool=4),
    "docker-pool": lambda folder: BerthOnDocker("docker-pool", folder, pool=100),
    "oci": lambda folder: BerthOnOCI("oci", folder),
    "oci-warm": lambda folder: BerthOnOCI("oci-warm", folder, pool=4),
    "docker-run": lambda folder: DockerRun("docker-run", folder),
    "docker-exec": lambda folder: DockerExec("docker-exec", folder),
    "kubernetes": lambda folder: clusters.BerthOnKubernetes("kubernetes", folder),
    "kubernetes-warm": lambda folder: clusters.BerthOnKubernetes("kubernetes-warm", folder, 4),
    # The same cluster without us: its own floor.
    "cluster": lambda folder: clusters.BareCluster("cluster", folder),
    "sshd": lambda folder: Sshd(folder),
    "auditd": lambda folder: recordings.Auditd("auditd", folder),
    "auditd-s3": lambda folder: recordings.Auditd("auditd-s3", folder, storage="s3"),
    "archive": lambda folder: search.Archive("archive", folder, storage="file"),
    "authd": lambda folder: users.Authd("authd", folder),
    "grep": lambda folder: search.Grep("grep", folder),
    "dd": lambda folder: recordings.Dd("dd", folder),
    "aws": lambda folder: recordings.Aws("aws", folder),
    # Runs programs with pipes, as sshd and the gateway do.
    "libssh": lambda folder: Libssh("libssh", folder),
    # Runs them inside the process, as the engine's bench server does.
    "libssh-inside": lambda folder: LibsshInside("libssh", folder),
}
SUITES = (
    "engine", "engine-x25519", "plain", "recorded", "docker", "docker-warm", "docker-pool", "oci",
    "oci-warm", "kubernetes", "kubernetes-warm", "auditd", "auditd-s3",
    "archive", "authd",
)  # fmt: skip
BOTH = ("sshd", "libssh")
CIPHERS = {
    "aes128-gcm": "aes128-gcm@openssh.com",
    "chacha20-poly1305": "chacha20-poly1305@openssh.com",
    "aes256-ctr": "aes256-ctr",
}


def bulk(prefix, suffix, suite, peers, cipher, rounds=3):
    """Both directions of one cipher, each with what it costs the server's processor."""
    for direction, function in (("down", measures.bulk_down), ("up", measures.bulk_up)):
        name = f"{prefix}.{direction}.{cipher}{suffix}"
        measure = functools.partial(function, cipher=CIPHERS[cipher])
        yield Benchmark((name, f"{name}.cpu"), ("MB/s", "s/GB"), suite, peers, measure, rounds)


def container_logins(backend, suite, kind):
    """The command `ssh host true` in a container: its input at its end, open, and its first part."""
    name, peers = f"login.{backend}.{kind}", ("docker-run", "docker-exec", "sshd")
    yield Benchmark((name,), ("ms",), suite, peers, measures.login, 1)
    keeps = functools.partial(measures.login, keeps_input=True)
    yield Benchmark((f"{name}.input",), ("ms",), suite, peers, keeps, 1)
    parts = measures.authentication
    yield Benchmark((f"{name}.authentication",), ("ms",), suite, ("sshd",), parts, 1)


def searches(kind, peers=("grep",)):
    """What is found in a corpus of recorded sessions."""
    names = (f"recording.search.{kind}.p50", f"recording.search.{kind}.p99")
    measure = functools.partial(search.search, kind=kind)
    return Benchmark(names, ("ms", "ms"), "archive", peers, measure, 1)


BURST = {
    "docker": ("login.docker.cold.burst", "login.docker.cold.burst.p50"),
    "docker-pool": ("login.docker.warm.burst", "login.docker.warm.burst.p50"),
}
ECHO = ("ssh.echo.p50", "ssh.echo.p99")
ENGINE_ECHO = ("ssh.engine.echo.p50", "ssh.engine.echo.p99")
ENGINE_IDLE = ("ssh.engine.idle.memory", "ssh.engine.idle.memory.channel")

BENCHMARKS = [
    # What the protocol costs, and what a whole login costs the gateway: the webhooks' answers
    # and a workspace are in the latter.
    Benchmark(("ssh.handshake.cpu",), ("ms",), "engine", BOTH, measures.handshake_cpu, 2),
    Benchmark(
        ("ssh.handshake.cpu.curve25519",), ("ms",), "engine-x25519", ("libssh",),
        measures.handshake_cpu, 2,
    ),
    *bulk("ssh.engine.bulk", "", "engine", ("libssh-inside",), "aes128-gcm"),
    Benchmark(ENGINE_ECHO, ("µs", "µs"), "engine", ("libssh-inside",), measures.echo),
    Benchmark(
        ENGINE_IDLE, ("KiB", "KiB"), "engine", ("libssh-inside",), measures.idle_engine, 1
    ),
    Benchmark(("login.gateway.cpu",), ("ms",), "plain", ("sshd",), measures.handshake_cpu, 1),
    *bulk("ssh.bulk", "", "plain", BOTH, "aes128-gcm"),
    *bulk("ssh.bulk", "", "plain", BOTH, "chacha20-poly1305", 1),
    *bulk("ssh.bulk", "", "plain", BOTH, "aes256-ctr", 1),
    Benchmark(ECHO, ("µs", "µs"), "plain", BOTH, measures.echo),
    Benchmark(("ssh.idle.memory",), ("KiB",), "plain", BOTH, measures.idle_memory, 1),
    Benchmark(("login.sandbox",), ("ms",), "plain", ("sshd",), measures.login, 1),
    *bulk("ssh.bulk", ".recorded", "recorded", ("sshd",), "aes128-gcm"),
    # What recording costs: the peer is the same suite without it.
    Benchmark(
        ("recording.bulk.down", "recording.bulk.down.cpu"), ("MB/s", "s/GB"), "recorded",
        ("plain",), measures.bulk_down,
    ),
    Benchmark(
        ("recording.bulk.up", "recording.bulk.up.cpu"), ("MB/s", "s/GB"), "recorded",
        ("plain",), measures.bulk_up,
    ),
    Benchmark(
        ("recording.echo.p50", "recording.echo.p99"), ("µs", "µs"), "recorded", ("plain",),
        measures.echo,
    ),
    Benchmark(("recording.memory.1000",), ("MiB",), "recorded", (), measures.busy_memory, 1),
    # Beside the engine's own client; what authentication alone takes is to be subtracted.
    *container_logins("docker", "docker", "cold"),
    *container_logins("docker", "docker-warm", "warm"),
    *container_logins("oci", "oci", "cold"),
    *container_logins("oci", "oci-warm", "warm"),
    Benchmark(
        ("login.docker.further",), ("ms",), "docker", ("docker-exec", "sshd"),
        measures.further, 1,
    ),
    # The command `ssh host true` and a pod; less what authentication alone takes. The peer makes the
    # same calls of the API in this process, without a client's start.
    Benchmark(("login.kubernetes.cold",), ("ms",), "kubernetes", ("cluster",), measures.login, 1),
    Benchmark(
        ("login.kubernetes.cold.authentication",), ("ms",), "kubernetes", ("sshd",),
        measures.authentication, 1,
    ),
    Benchmark(
        ("login.kubernetes.further",), ("ms",), "kubernetes", ("cluster", "sshd"),
        measures.further, 1,
    ),
    Benchmark(
        ("login.kubernetes.warm",), ("ms",), "kubernetes-warm", ("sshd",), measures.login, 1
    ),
    *bulk("docker.bulk", "", "docker", ("docker-exec", "sshd"), "aes128-gcm"),
    Benchmark(BURST["docker"], ("s", "s"), "docker", ("docker-run",), measures.burst, 1),
    Benchmark(BURST["docker-pool"], ("s", "s"), "docker-pool", ("sshd",), measures.burst, 1),
    # What one auditd takes, beside a file on the same disk that is synced; what it uploads.
    Benchmark(("recording.intake",), ("MB/s",), "auditd", ("dd",), recordings.take),
    Benchmark(("recording.appends",), ("1/s",), "auditd", ("dd",), recordings.appends),
    Benchmark(("recording.upload",), ("MB/s",), "auditd-s3", ("aws",), recordings.upload),
    *(searches(kind) for kind in ("text", "lines", "command")),
    *(searches(kind, peers=()) for kind in ("user", "time")),
    # What one authd with ten thousand users answers; its peers would be other directories.
    Benchmark(("login.authd.import",), ("s",), "authd", (), users.import_seconds, 1),
    Benchmark(
        ("login.authd.lookup.p50", "login.authd.lookup.p99"), ("ms", "ms"), "authd", (),
        users.lookups,
    ),
    Benchmark(("login.authd.keys",), ("1/s",), "authd", (), users.keys),
    Benchmark(("login.authd.passwords",), ("1/s",), "authd", (), users.passwords),
    Benchmark(
        ("login.authd.flood.p50", "login.authd.flood.p99"), ("ms", "ms"), "authd", (),
        users.flood, 1,
    ),
    Benchmark(("docker.memory.100",), ("MiB",), "docker", ("sshd",), measures.total_memory, 1),
]  # fmt: skip


def numbers(value):
    return value if isinstance(value, tuple) else (value,)


def measure(benchmark, targets):
    """The medians per target, each a tuple; the targets take turns."""
    results = {name: [] for name in targets}
    for _ in range(benchmark.rounds):
        for name, target in targets.items():
            results[name].append(numbers(benchmark.measure(target)))
    return {
        name: tuple(statistics.median(column) for column in zip(*values))
        for name, values in results.items()
    }


def rows(benchmark, values):
    ours = values.get(benchmark.suite)
    for index, (name, unit) in enumerate(zip(benchmark.names, benchmark.units)):
        own = ours and ours[index]
        for peer in benchmark.peers or (None,):
            other = values[peer][index] if peer else None
            yield {
                "name": name,
                "unit": unit,
                "ours": own,
                "peer": other,
                "peerName": peer,
                "ratio": own / other if own is not None and other else None,
            }


def text(number):
    return "–" if number is None else f"{number:.2f}" if number < 100 else f"{number:.0f}"


def show(row):
    print(
        f"{row['name']:<36}{row['unit']:>6}{text(row['ours']):>12}{text(row['peer']):>12}"
        f"{text(row['ratio']):>9}  {row['peerName'] or ''}".rstrip(),
        flush=True,
    )


class Servers:
    """Starts each server when it is first needed, and stops all in the end."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.running = {}

    def __getitem__(self, name):
        if name not in self.running:
            target = TARGETS[name](self.folder / name)
            self.stack.callback(target.stop)
            target.start()
            self.running[name] = target
        return self.running[name]


def run(selected, folder, peer_only):
    """Measures what is selected, suite by suite, and returns the rows; prints each when known."""
    results, failed = [], False
    print(f"{'name':<36}{'unit':>6}{'ours':>12}{'peer':>12}{'ratio':>9}", flush=True)
    with contextlib.ExitStack() as stack:
        peers = Servers(folder, stack)
        for suite in SUITES:
            with contextlib.ExitStack() as inner:
                ours = Servers(folder, inner)
                for benchmark in (item for item in selected if item.suite == suite):
                    try:
                        targets = {} if peer_only else {suite: ours[suite]}
                        targets |= {name: peers[name] for name in benchmark.peers}
                        values = measure(benchmark, targets)
                    except Exception as error:  # one failed measurement leaves the others
                        print(f"{benchmark.names[0]}: {error}", file=sys.stderr)
                        failed = True
                        continue
                    for row in rows(benchmark, values):
                        show(row)
                        results.append(row)
    return results, failed


def raise_file_limit():
    """Thousands of sessions are as many descriptors, here and in what is started here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main():
    parser = argparse.ArgumentParser(description="Measures Berth beside sshd and libssh.")
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--engine", help="the program berth-bench")
    parser.add_argument("--libssh", help="the program built of Tests/BenchPeers")
    parser.add_argument("--peer-only", action="store_true", help="leave Berth out")
    arguments = parser.parse_args()
    selected = [
        item
        for item in BENCHMARKS
        if any(name.startswith(arguments.only) for name in item.names)
    ]
    if not selected:
        parser.error(f"no benchmark begins with {arguments.only}")
    folder = pathlib.Path(os.environ.get("BERTH_VAR", ROOT / "var")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    Target.generator = arguments.engine
    Libssh.program = arguments.libssh
    raise_file_limit()
    results, failed = run(selected, folder.resolve(), arguments.peer_only)
    (folder / "latest.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {folder / 'latest.json'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
