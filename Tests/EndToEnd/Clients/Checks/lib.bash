# What the checks of the clients share; sourced by each of them.
#
# The test gives HOST, PORT, LOGIN (the user), KEY (a private key's file), KNOWN_HOSTS, WORK (an
# empty folder of this check's own) and PYTHON (with paramiko and asyncssh).
# Each connection may land in a place of its own: what has to meet shares one through `master`.
set -euo pipefail
cd "$WORK"
export HOME=$WORK

target=$LOGIN@$HOST
options=(-F none -o IdentitiesOnly=yes -o "IdentityFile=$KEY" -o BatchMode=yes
    -o "UserKnownHostsFile=$KNOWN_HOSTS" -o GlobalKnownHostsFile=none
    -o StrictHostKeyChecking=yes -o ConnectTimeout=30)
# A folder in the place at the other end that no other check uses.
there=/tmp/check-$$-$RANDOM

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# same CLAIM SEEN EXPECTED
same() { [[ $2 == "$3" ]] || fail "$1: '$2' instead of '$3'"; }

# ssh_to ARGUMENT…: OpenSSH's client with the options above.
ssh_to() { ssh -p "$PORT" "${options[@]}" "$@"; }

# until_true COMMAND…: 30 seconds at most.
until_true() {
    local try
    for ((try = 0; try < 300; try++)); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "not so within 30 s: $*"
}

# stop_at_end PID: ends a process of this check when the check ends.
stopping=()
stop_at_end() { stopping+=("$1"); }
end_processes() {
    local pid
    for pid in "${stopping[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${stopping[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap end_processes EXIT

# master [OPTION…]: opens a connection that the commands after it share, with $control as option.
master() {
    control=(-o "ControlPath=$WORK/master")
    ssh_to "${control[@]}" -o ControlMaster=yes -N "$@" "$target" &
    stop_at_end $!
    until_true ssh_to "${control[@]}" -O check "$target"
}

# random_file NAME BYTES
random_file() { head -c "$2" /dev/urandom >"$1"; }

# A port of 127.0.0.1 that is free now.
free_port() {
    "$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# serve_echo PORT: a server of this machine that sends back what it gets, until the client's end.
serve_echo() {
    "$PYTHON" - "$1" <<'PYTHON' &
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while piece := self.request.recv(65536):
            self.request.sendall(piece)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
PYTHON
    stop_at_end $!
    until_true bash -c "exec 3<>/dev/tcp/127.0.0.1/$1"
}

# echo_through PORT: sends a megabyte to an echo server at this port and wants it back.
echo_through() {
    "$PYTHON" - "$1" <<'PYTHON'
import os, socket, sys, threading
data = os.urandom(1 << 20)
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
def send():
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
seen = b""
while piece := s.recv(65536):
    seen += piece
sender.join()
sys.exit(0 if seen == data else f"{len(seen)} other bytes came back")
PYTHON
}

# An OpenSSH configuration file for programs that are told only a host's name: `berth`.
write_config() {
    cat >"$WORK/ssh_config" <<CONFIG
Host berth
    HostName $HOST
    Port $PORT
    User $LOGIN
    IdentityFile $KEY
    IdentitiesOnly yes
    BatchMode yes
    UserKnownHostsFile $KNOWN_HOSTS
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
    ConnectTimeout 30
CONFIG
}
