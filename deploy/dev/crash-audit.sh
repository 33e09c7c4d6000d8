#!/usr/bin/env bash
# Kills auditd under load, many times: crash-audit.sh COUNT SEED. Run N has the seed SEED + N; a run is
# repeated by `crash-audit.sh 1 ITS-SEED`. BERTH_CRASH_LANES runs at a time, 3 by default.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
cd "$root"

"$here/deps.sh" run test
export BERTH_TEST_PYTHON=$var/python/bin/python3
export BERTH_CRASH_COUNT=${1:?how many runs} BERTH_CRASH_SEED=${2:-1}
export BERTH_CRASH_TEARS=${BERTH_CRASH_TEARS:-1}
export BERTH_CRASH_LANES=${BERTH_CRASH_LANES:-3}
log=$var/crash-audit.log
say "building"
swift build --build-tests >"$log" 2>&1 || die "the build failed, log in $log"
status=0
swift test --skip-build --filter 'AuditdCoreTests.CrashTests' >"$log" 2>&1 || status=$?
grep -E 'runs: |^seed |✘' "$log" | tail -n 50 || true
((status == 0)) || die "crash test failed, log in $log"
