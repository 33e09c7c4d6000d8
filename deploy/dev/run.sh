#!/usr/bin/env bash
# Starts the whole suite for trying it out: see `make run` in the README.
#
#   run.sh            starts, prints how to log in, and stops everything at Ctrl-C
#   run.sh --detach   starts, prints how to log in, and leaves it running; `make stop` ends it
#
# BERTH_VAR moves the folder ./var, BERTH_PORT_BASE all ports; BERTH_BUILD=debug runs the build
# that the tests use. With a suite running already from the same folder, only what is missing is
# started.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

detach=false
for argument in "$@"; do
    case $argument in
    --detach) detach=true ;;
    *) die "unknown argument $argument; only --detach is known" ;;
    esac
done

here=$(dirname "${BASH_SOURCE[0]}")
demo=$var/demo
pids=$demo/run
set_ports

"$here/deps.sh" run
binaries=$("$here/build.sh")
before=$(cksum "$demo/config.yaml" 2>/dev/null || true)
"$here/demo-config.sh" "$demo"
# What runs with another configuration, on other ports perhaps, is no part of this suite.
[[ $(cksum "$demo/config.yaml") == "$before" ]] || stop_daemons "$pids"

# These scripts' own variables are not configuration of the daemons.
clean=(env -u BERTH_VAR -u BERTH_PORT_BASE -u BERTH_BUILD -u BERTH_DEMO_BACKEND)
clean+=(-u BERTH_DEMO_AUDIT -u BERTH_TEST_CODES_DIR)
for name in SSH HEALTH AUTHD CONFIGD AUDITD METRICSD SCRAPE; do clean+=(-u "BERTH_PORT_$name"); done

log_of() { say "$demo/logs/$1.log"; }

# Keeps a daemon that runs already, unless its program has been built anew since.
start() {
    if live_pid "$pids/$1.pid" >/dev/null; then
        [[ $binaries/berth-$1 -nt $pids/$1.pid ]] || return 0
        end_pid "$pids/$1.pid" 25
    fi
    in_background "$(log_of "$1")" "$pids/$1.pid" \
        "${clean[@]}" "$binaries/berth-$1" --config "$demo/config.yaml"
}

is_ready() { curl -fsS --max-time 1 "$(ready_url "$1")"; }

is_ready_or_gone() { ! live_pid "$pids/$1.pid" || is_ready "$1"; }

give_up() {
    warn "the last lines of $(log_of "$1"):"
    tail -n 15 "$(log_of "$1")" >&2 || true
    stop_daemons "$pids"
    die "$1 $2"
}

await() {
    wait_until 30 is_ready_or_gone "$1" || give_up "$1" "was not ready after 30 s"
    live_pid "$pids/$1.pid" >/dev/null || give_up "$1" "ended by itself"
}

# The demo user, with the password and the key that demo-config.sh made.
add_user() {
    [[ -f $demo/user-added ]] && return 0
    "$binaries/berth" user --server "unix://$(<"$demo/run/authd.socket")" add dev \
        --password-file "$demo/password" --key-file "$demo/id_ed25519.pub" >/dev/null ||
        give_up authd "did not take the demo user"
    touch "$demo/user-added"
}

note_host_key() {
    ssh-keyscan -T 5 -p "$port_ssh" 127.0.0.1 2>/dev/null >"$demo/known_hosts.new" || true
    [[ -s $demo/known_hosts.new ]] || give_up gateway "showed no host key"
    mv "$demo/known_hosts.new" "$demo/known_hosts"
}

trap 'stop_daemons "$pids"; exit 130' INT TERM
for daemon in metricsd authd configd auditd; do start "$daemon"; done
for daemon in metricsd authd configd auditd; do await "$daemon"; done
add_user
start gateway
await gateway
note_host_key

cat <<TEXT

Berth is running. Log in with

    ssh -p $port_ssh -i $demo/id_ed25519 -o IdentitiesOnly=yes -o UserKnownHostsFile=$demo/known_hosts dev@127.0.0.1

or leave out -i and -o IdentitiesOnly and type the password: $(<"$demo/password")

  logs        $demo/logs/
  metrics     http://127.0.0.1:$port_scrape/metrics
  recordings  $demo/recordings/   ($binaries/berth recording --help)
  config      $demo/config.yaml, rules in $demo/rules/
  explain     $binaries/berth explain CODE

TEXT

if $detach; then
    trap - INT TERM
    say "Stop it with: make stop"
    exit 0
fi

say "Ctrl-C stops everything."
while true; do
    for daemon in "${daemons[@]}"; do
        live_pid "$pids/$daemon.pid" >/dev/null || give_up "$daemon" "ended by itself"
    done
    sleep 1 &
    wait $!
done
