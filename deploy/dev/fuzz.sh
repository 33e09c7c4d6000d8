#!/usr/bin/env bash
# Runs libFuzzer over what the SSH engine and the gateway's end of an agent's link read, and spoiled
# streams through the agent: `make fuzz`.
#
#   fuzz.sh [SECONDS]    of each target, 100 by default; two targets at a time. The agent gets 40
#                        streams a second of each kind, from a new seed
#
# A finding stays below $var/fuzz/findings and fails the run. The corpus of Tests/Fuzz/Corpus, which
# the tests replay, is made smaller and written back.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

seconds=${1:-100}
fuzz=$var/fuzz
mkdir -p "$fuzz/findings"
export BERTH_FUZZ=1
swift build -c release --sanitize fuzzer --product berth-fuzz --scratch-path .build-fuzz \
    --jobs "$(nproc)" >"$fuzz/build.log" 2>&1 || {
    grep -E 'error:' "$fuzz/build.log" | sort -u | head -n 20
    die "the build failed, log in $fuzz/build.log"
}
fuzzer=.build-fuzz/release/berth-fuzz

# run TARGET: false when something was found.
run() {
    local target=$1 work=$fuzz/$1
    export BERTH_FUZZ_TARGET=$target
    rm -rf "$work"
    mkdir -p "$work/all" "$work/small"
    python3 Tests/Fuzz/corpus.py unpack "Tests/Fuzz/Corpus/$target" "$work/all"
    python3 Tests/Fuzz/corpus.py seeds "$target" "$work/all"
    "$fuzzer" "$work/all" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=2048 \
        -use_value_profile=1 -print_final_stats=1 \
        -artifact_prefix="$fuzz/findings/$target-" >"$work.log" 2>&1 || return 1
    "$fuzzer" -merge=1 -max_len=4096 "$work/small" "$work/all" >>"$work.log" 2>&1 || return 1
    python3 Tests/Fuzz/corpus.py pack "$work/small" "Tests/Fuzz/Corpus/$target"
    say "$target: $(sed -n 's/^stat::number_of_executed_units: */runs: /p' "$work.log" | head -n 1)"
}

status=0
targets=(clear exchange encrypted authentication connection keys link)
for ((at = 0; at < ${#targets[@]}; at += 2)); do
    pids=()
    for target in "${targets[@]:at:2}"; do
        run "$target" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || status=1; done
done
# The agent is embedded Swift, which libFuzzer cannot be linked with: the executable itself runs.
say "agent: $((seconds * 40)) streams of each kind, seed ${BERTH_FUZZ_AGENT_SEED:=$RANDOM}"
export BERTH_FUZZ_AGENT_SEED BERTH_FUZZ_AGENT_COUNT=$((seconds * 40)) BERTH_FUZZ_FINDINGS=$fuzz/findings
env -u BERTH_FUZZ swift test --filter AgentTests.FuzzTests >"$fuzz/agent.log" 2>&1 || status=1

((status == 0)) || die "found something, see $fuzz/findings and the logs beside it"
say "no finding"
