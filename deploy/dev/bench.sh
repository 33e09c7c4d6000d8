#!/usr/bin/env bash
# Measures Berth beside Debian's sshd and a server on libssh; the arguments go to Tests/Bench/scripts/bench.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
"$here/deps.sh" run test bench
"$here/docker.sh" || say "no container engine: leave login.docker out with --only"
export BERTH_BUILD=release PYTHONDONTWRITEBYTECODE=1
binaries=$("$here/build.sh")
export BERTH_BENCH_BINARIES=$binaries
(cd "$root" && swift build -c release --product berth-bench >&2)
libssh=$var/bench/libssh-server
mkdir -p "$var/bench"
# shellcheck disable=SC2046 # several words are wanted
cc -O2 -Wno-deprecated-declarations -o "$libssh" "$root/Tests/BenchPeers/libssh-server.c" \
    $(pkg-config --cflags --libs libssh) -pthread
exec "$var/python/bin/python3" "$root/Tests/Bench/scripts/bench.py" \
    --engine "$binaries/berth-bench" --libssh "$libssh" "$@"
