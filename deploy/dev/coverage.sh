#!/usr/bin/env bash
# Runs the tests with coverage, prints the share of lines per target and writes a page per file
# into $var/coverage. A build folder of its own keeps the other builds warm.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
cd "$root"

"$here/deps.sh" run test
"$here/docker.sh" || say "tests that need a container engine are skipped"
build=(--scratch-path .build-cov --enable-code-coverage)
status=0
swift test "${build[@]}" "$@" >"$var/coverage.log" 2>&1 || status=$?
grep -E '^✘|Test run with' "$var/coverage.log" || true

# The compiler's own llvm-cov: another version cannot read its data.
llvm_cov=$(dirname "$(readlink -f "$(command -v swift)")")/llvm-cov
binaries=$(swift build "${build[@]}" --show-bin-path)
profile=$binaries/codecov/default.profdata
bundle=$(find "$binaries" -maxdepth 1 -name '*.xctest' -type f -print -quit)
only=(Services Shared)
rm -rf "$var/coverage"
"$llvm_cov" show "$bundle" -instr-profile "$profile" -format html -output-dir "$var/coverage" \
    "${only[@]}"
"$llvm_cov" export "$bundle" -instr-profile "$profile" -summary-only "${only[@]}" |
    python3 "$here/coverage.py" "$root"
say "pages in $var/coverage/index.html"
exit "$status"
