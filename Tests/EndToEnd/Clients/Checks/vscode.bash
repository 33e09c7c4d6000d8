# client: VS Code Remote (a replay)
# what: its script to bash on stdin, its server through the SOCKS proxy, then through a Unix socket
# there: bash python3
write_config
socks=$(free_port)
# The first connection: a dynamic forward, and a shell that gets the installing script as input.
{
    cat <<SCRIPT
echo "mark1: start"
mkdir -p $there && cd $there && umask 077
uname -rsv
command -v bash >/dev/null || echo "mark1: no bash"
cat >server.py <<'SERVER'
SCRIPT
    cat "$SCRIPTS/upgrade_server.py"
    cat <<SCRIPT
SERVER
python3 server.py $there/socket >log 2>&1 &
for try in \$(seq 100); do grep -q listening log && break; sleep 0.1; done
echo "listeningOn==\$(sed -n 's/.*listening //p' log)=="
echo "mark1: end"
SCRIPT
    # The shell stays while the window is open.
    exec sleep 60
} | ssh -T -F ssh_config -D "$socks" -o ConnectTimeout=15 -o ControlMaster=yes \
    -o ControlPath="$WORK/master" berth bash >output 2>errors &
stop_at_end $!
until_true grep -q 'mark1: end' output
remote=$(sed -n 's/^listeningOn==\(.*\)==$/\1/p' output)
[[ $remote =~ ^[0-9]+$ ]] || fail "no port: $(<output)"
# The window's own connections: WebSocket-like upgrades, several at a time.
for number in 1 2 3; do
    "$PYTHON" "$SCRIPTS/upgrade_client.py" socks "$socks" "$remote" >"answer$number" &
    pids[number]=$!
done
for number in 1 2 3; do
    wait "${pids[number]}"
    same "connection $number" "$(<"answer$number")" ok
done
# remote.SSH.remoteServerListenOnSocket: a forward to a Unix socket.
local_port=$(free_port)
ssh -F ssh_config -o ControlPath="$WORK/master" -O forward -L "$local_port:$there/socket" berth
same "the Unix socket" "$("$PYTHON" "$SCRIPTS/upgrade_client.py" direct "$local_port")" ok
