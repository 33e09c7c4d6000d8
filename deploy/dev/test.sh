#!/usr/bin/env bash
# Runs every check of the project: `make test`.
#
#   test.sh                 all of it
#   test.sh --only FILTER   only the tests whose names match FILTER, without lint and the check of
#                           `make run`
#
# Real binaries that a test starts write the message codes they emit into files below the folder
# that BERTH_TEST_CODES_DIR names; their union is $var/test/codes-emitted.txt.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

filter=()
if [[ ${1:-} == --only ]]; then filter=(--filter "${2:?--only needs a filter}"); fi

results=$var/test
rm -rf "$results"
mkdir -p "$results/codes"
export BERTH_TEST_CODES_DIR=$results/codes
# What tests need beside the binaries: Python with the SSH clients of deps.sh.
export BERTH_TEST_PYTHON=$var/python/bin/python3
# Two cores are what the smallest machine has; more builds run it out of memory.
jobs=$(nproc)

step() { say "== $*"; }

# Tests at a time: enough to use the machine, and few enough that the clients, containers and
# sandboxes they start do not starve each other, nor bring a descriptor above the 1024 that
# Foundation's process handling can watch.
width=$((jobs * 2))

# A failed run of the tests is told in the summary, not by stopping here.
run_tests() {
    local status=0
    timeout --kill-after 30 45m swift test --skip-build "${filter[@]}" \
        --experimental-maximum-parallelization-width "$width" \
        --xunit-output "$results/xunit.xml" >"$results/swift-test.log" 2>&1 || status=$?
    grep -E '^(✘|↳|.*error:)' "$results/swift-test.log" || true
    ((status == 0)) || say "swift test ended with status $status, log in $results/swift-test.log"
    return "$status"
}

step "dependencies"
"$here/deps.sh" run test
if ((${#filter[@]} == 0)); then
    step "lint"
    swift format lint --strict --recursive Package.swift Services Shared Tests
fi
step "build"
swift build --build-tests --jobs "$jobs" >"$results/build.log" 2>&1 || {
    grep -E 'error:|warning:' "$results/build.log" | sort -u | head -n 50
    die "the build failed, log in $results/build.log"
}
step "container engine"
"$here/docker.sh" || say "tests that need a container engine are skipped"

step "newer OpenSSH client"
"$here/openssh-new.sh" >/dev/null || say "the test with it is skipped"

step "tests"
status=0
run_tests || status=$?
run_check=skipped
clients_check=skipped
if ((${#filter[@]} == 0)); then
    step "the page of the clients"
    clients_check=passed
    python3 "$here/clients.py" "$results" --check docs/clients.md || clients_check=failed
    step "make run and make stop"
    run_check=passed
    BERTH_BUILD=debug "$here/check-run.sh" >"$results/check-run.log" 2>&1 || {
        run_check=failed
        tail -n 30 "$results/check-run.log"
    }
fi

find "$results/codes" -type f -exec cat {} + | sort -u >"$results/codes-emitted.txt"
total=$(.build/debug/berth codes | wc -l)
say "codes emitted: $(wc -l <"$results/codes-emitted.txt") of $total"
python3 "$here/summary.py" "$results" "$status" "make run and make stop=$run_check" \
    "the page of the clients=$clients_check"
