"""Measures Berth beside Debian's sshd in the same run: `make bench`, `make bench ONLY=ssh.bulk`.

Prints a table and writes VAR/bench/latest.json, a list of objects with `name`, `unit`, `ours`,
`peer`, `peerName` and `ratio` (ours divided by peer). Names are stable.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import statistics
import sys

import measures
from targets import ROOT, Berth, Engine, Sshd, Target


@dataclasses.dataclass(frozen=True)
class Benchmark:
    names: tuple  # one for each number that `measure` returns
    unit: str
    suite: str  # which of SUITES ours is
    measure: object
    rounds: int = 3  # ours and the peer in turns; the median counts


SUITES = {
    "engine": lambda folder: Engine("engine", folder),
    "plain": lambda folder: Berth("plain", folder),
    "recorded": lambda folder: Berth("recorded", folder, recording=True),
    "docker": lambda folder: Berth("docker", folder, backend="docker"),
}

BENCHMARKS = [
    # What the protocol costs, and what a whole login costs the gateway: the webhooks' answers
    # and a workspace are in the second.
    Benchmark(("ssh.handshake.cpu",), "ms", "engine", measures.handshake_cpu, 1),
    Benchmark(("login.gateway.cpu",), "ms", "plain", measures.handshake_cpu, 1),
    Benchmark(("ssh.bulk.down.aes128-gcm",), "MB/s", "plain", measures.bulk_down),
    Benchmark(("ssh.bulk.up.aes128-gcm",), "MB/s", "plain", measures.bulk_up),
    Benchmark(("ssh.bulk.down.aes128-gcm.recorded",), "MB/s", "recorded", measures.bulk_down),
    Benchmark(("ssh.bulk.up.aes128-gcm.recorded",), "MB/s", "recorded", measures.bulk_up),
    Benchmark(("ssh.echo.p50", "ssh.echo.p99"), "µs", "plain", measures.echo),
    Benchmark(("ssh.idle.memory",), "KiB", "plain", measures.idle_memory, 1),
    Benchmark(("login.sandbox",), "ms", "plain", measures.login, 1),
    Benchmark(("login.docker.cold",), "ms", "docker", measures.login, 1),
]


def numbers(value):
    return value if isinstance(value, tuple) else (value,)


def measure(benchmark, targets):
    """The medians per target, each a tuple; the targets take turns."""
    results = {target: [] for target in targets}
    for _ in range(benchmark.rounds):
        for target in targets:
            results[target].append(numbers(benchmark.measure(target)))
    return [
        tuple(statistics.median(column) for column in zip(*results[target]))
        for target in targets
    ]


def rows(benchmark, ours, peer):
    for index, name in enumerate(benchmark.names):
        own, other = (None if values is None else values[index] for values in (ours, peer))
        yield {
            "name": name,
            "unit": benchmark.unit,
            "ours": own,
            "peer": other,
            "peerName": "sshd",
            "ratio": own / other if own is not None and other else None,
        }


def text(number):
    return "–" if number is None else f"{number:.2f}" if number < 100 else f"{number:.0f}"


def show(row):
    print(
        f"{row['name']:<36}{row['unit']:>6}{text(row['ours']):>12}{text(row['peer']):>12}"
        f"{text(row['ratio']):>9}  {row['peerName']}",
        flush=True,
    )


def run(selected, folder, peer_only):
    """Measures what is selected, suite by suite, and returns the rows; prints each when known."""
    results, failed = [], False
    print(f"{'name':<36}{'unit':>6}{'ours':>12}{'peer':>12}{'ratio':>9}", flush=True)
    with contextlib.ExitStack() as stack:
        peer = Sshd(folder / "sshd")
        peer.start()
        stack.callback(peer.stop)
        for suite, make in SUITES.items():
            benchmarks = [item for item in selected if item.suite == suite]
            if not benchmarks:
                continue
            with contextlib.ExitStack() as inner:
                targets = [peer]
                if not peer_only:
                    ours = make(folder / suite)
                    inner.callback(ours.stop)
                    ours.start()
                    targets.insert(0, ours)
                for benchmark in benchmarks:
                    try:
                        values = measure(benchmark, targets)
                    except Exception as error:  # one failed measurement leaves the others
                        print(f"{benchmark.names[0]}: {error}", file=sys.stderr)
                        failed = True
                        continue
                    own = None if peer_only else values[0]
                    for row in rows(benchmark, own, values[-1]):
                        show(row)
                        results.append(row)
    return results, failed


def main():
    parser = argparse.ArgumentParser(description="Measures Berth beside Debian's sshd.")
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--engine", help="the program berth-bench")
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
    results, failed = run(selected, folder.resolve(), arguments.peer_only)
    (folder / "latest.json").write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {folder / 'latest.json'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
