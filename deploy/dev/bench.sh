#!/usr/bin/env bash
# Measures Berth beside Debian's sshd; the arguments go to Tests/Bench/scripts/bench.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
"$here/deps.sh" run test bench
"$here/docker.sh" || say "no container engine: leave login.docker out with --only"
export BERTH_BUILD=release PYTHONDONTWRITEBYTECODE=1
binaries=$("$here/build.sh")
(cd "$root" && swift build -c release --product berth-bench >&2)
exec "$var/python/bin/python3" "$root/Tests/Bench/scripts/bench.py" \
    --engine "$binaries/berth-bench" "$@"
