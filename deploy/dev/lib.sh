# What the scripts of this folder share. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Everything these scripts write goes here; BERTH_VAR moves it.
var=${BERTH_VAR:-$root/var}
mkdir -p "$var"
var=$(cd "$var" && pwd)

# The five daemons in the order of their start; they are stopped the other way round.
daemons=(metricsd authd configd auditd gateway)

say() { printf '%s\n' "$*"; }
warn() { printf '%s\n' "$*" >&2; }
die() {
    warn "error: $*"
    exit 1
}

# set_ports: the port of every listener. BERTH_PORT_BASE moves all of them to BASE, BASE+1, …;
# BERTH_PORT_SSH and so on move one.
# shellcheck disable=SC2034 # read by those who source this
set_ports() {
    local base=${BERTH_PORT_BASE:-}
    if [[ -n $base ]]; then
        if ! [[ $base =~ ^[0-9]{4,5}$ ]] || ((base < 1024 || base > 65500)); then
            die "BERTH_PORT_BASE is $base, must be 1024...65500"
        fi
    fi
    port_ssh=${BERTH_PORT_SSH:-${base:-2222}}
    port_health=${BERTH_PORT_HEALTH:-${base:+$((base + 1))}}
    port_authd=${BERTH_PORT_AUTHD:-${base:+$((base + 2))}}
    port_configd=${BERTH_PORT_CONFIGD:-${base:+$((base + 3))}}
    port_auditd=${BERTH_PORT_AUDITD:-${base:+$((base + 4))}}
    port_metricsd=${BERTH_PORT_METRICSD:-${base:+$((base + 5))}}
    port_scrape=${BERTH_PORT_SCRAPE:-${base:+$((base + 6))}}
    port_health=${port_health:-7000}
    port_authd=${port_authd:-7010}
    port_configd=${port_configd:-7020}
    port_auditd=${port_auditd:-7030}
    port_metricsd=${port_metricsd:-7040}
    port_scrape=${port_scrape:-9100}
}

# ready_url DAEMON: where that daemon says whether it is ready.
ready_url() {
    local name=port_$1
    [[ $1 == gateway ]] && name=port_health
    say "http://127.0.0.1:${!name}/readyz"
}

# start_time PID: the kernel's start time of the process; nothing when there is none or it is a
# zombie. With the pid it names a process even after the number was used again.
start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
    # The name in parentheses may hold blanks: count the fields behind it.
    local fields
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} == Z ]] || say "${fields[19]}"
}

# write_pid FILE PID
write_pid() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$1"; }

# live_pid FILE: the pid in FILE if that very process is still there; false otherwise.
live_pid() {
    local pid started
    [[ -f $1 ]] && read -r pid started <"$1" || return 1
    [[ -n ${started:-} && $(start_time "$pid") == "$started" ]] || return 1
    say "$pid"
}

# end_pid FILE SECONDS: ends the process of the pid file: TERM, and KILL when it has not gone
# after SECONDS. Removes the file.
end_pid() {
    local pid
    if pid=$(live_pid "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        local deadline=$((SECONDS + $2))
        while live_pid "$1" >/dev/null; do
            if ((SECONDS >= deadline)); then
                warn "$(basename "$1" .pid) ($pid) did not end in $2 s and was killed"
                kill -KILL "$pid" 2>/dev/null || true
                break
            fi
            sleep 0.05
        done
    fi
    rm -f "$1"
}

# stop_daemons DIRECTORY: ends what the pid files in DIRECTORY name, the gateway first.
stop_daemons() {
    local index
    for ((index = ${#daemons[@]} - 1; index >= 0; index--)); do
        end_pid "$1/${daemons[index]}.pid" 25
    done
}

# in_background LOG PIDFILE COMMAND…: runs COMMAND in a session of its own, so that a Ctrl-C at
# the terminal does not reach it.
in_background() {
    local log=$1 pid_file=$2
    shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null &
    write_pid "$pid_file" $!
    disown
}

# wait_until SECONDS COMMAND…: repeats COMMAND until it succeeds; false when it never did.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}
