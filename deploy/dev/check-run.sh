#!/usr/bin/env bash
# Checks `make run` as a person uses it: starts a suite on ports of its own, logs in with the line
# that it prints, sees the metric move, starts it once more, stops it, and looks for leftovers.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

export BERTH_VAR=$var/check-run
export BERTH_PORT_BASE=${BERTH_CHECK_PORT_BASE:-17220}
export BERTH_CODES_FILE=${BERTH_TEST_CODES_DIR:-$BERTH_VAR}/check-run.txt
rm -rf "$BERTH_VAR"
mkdir -p "$BERTH_VAR"
trap '"$here/stop.sh"' EXIT

output=$BERTH_VAR/output.txt
"$here/run.sh" --detach | tee "$output"
login=$(sed -n 's/^ *\(ssh .*\)$/\1/p' "$output")
[[ -n $login ]] || die "no ssh line was printed"

# The line is run as it was printed, with a command behind it.
answer=$(timeout 30 bash -c "$login -o BatchMode=yes 'echo out; echo err >&2; exit 7'" \
    2>"$BERTH_VAR/stderr.txt") && die "the exit status was lost"
status=$?
((status == 7)) || die "the exit status was $status instead of 7: $(<"$BERTH_VAR/stderr.txt")"
[[ $answer == out ]] || die "standard output was: $answer"
grep -qx err "$BERTH_VAR/stderr.txt" || die "standard error was lost"

metric='containerssh_ssh_connections_total{country="XX"} [1-9]'
scrape=$(sed -n 's/^ *metrics *\(http.*\)$/\1/p' "$output")
counted() { curl -fsS --max-time 2 "$scrape" | grep -q "$metric"; }
wait_until 15 counted || die "the metric did not move"

pids() { cat "$BERTH_VAR"/demo/run/*.pid; }
before=$(pids)
started=$SECONDS
"$here/run.sh" --detach >/dev/null
((SECONDS - started < 10)) || die "the second start took $((SECONDS - started)) s"
[[ $(pids) == "$before" ]] || die "the second start did not keep what was running"

mapfile -t running < <(awk '{ print $1 }' "$BERTH_VAR"/demo/run/*.pid)
"$here/stop.sh"
for pid in "${running[@]}"; do
    [[ -z $(start_time "$pid") ]] || die "process $pid is still there after make stop"
done

started=$SECONDS
"$here/run.sh" --detach >/dev/null
((SECONDS - started < 10)) || die "starting again took $((SECONDS - started)) s"
timeout 30 bash -c "$login -o BatchMode=yes true" || die "the login failed after a restart"
say "make run and make stop do what they say"
