#!/usr/bin/env bash
# Runs the tests under ThreadSanitizer, in a build folder of its own. Arguments go to swift test.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")
cd "$root"

"$here/deps.sh" run test
"$here/docker.sh" || say "tests that need a container engine are skipped"
log=$var/tsan.log
# What is linked statically cannot have a sanitizer; the tests take plain programs.
plain=(berth-agent berth-sandbox-init)
for program in "${plain[@]}"; do swift build --product "$program" >"$log" 2>&1; done
built=$(swift build --show-bin-path)
export BERTH_WITHOUT_STATIC=1
folder=$(swift build --scratch-path .build-tsan --show-bin-path)
mkdir -p "$folder"
for program in "${plain[@]}"; do cp "$built/$program" "$folder/"; done
export TSAN_OPTIONS="suppressions=$root/deploy/dev/tsan-suppressions.txt ${TSAN_OPTIONS:-}"
status=0
swift test --scratch-path .build-tsan --sanitize thread "$@" >"$log" 2>&1 || status=$?
grep -E '^✘|WARNING: ThreadSanitizer|SUMMARY: ThreadSanitizer|Test run with' "$log" | sort | uniq -c ||
    true
if grep -q 'WARNING: ThreadSanitizer' "$log"; then
    say "data races found, log in $log"
    exit 1
fi
exit "$status"
