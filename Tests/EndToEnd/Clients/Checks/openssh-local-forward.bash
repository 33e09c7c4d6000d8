# client: OpenSSH -L
# what: a TCP port and a Unix socket at the other end, reached from here
# there: python3
master
port=$(free_port)
remote=$(free_port)
# The servers run at the other end.
ssh_to "${control[@]}" "$target" "mkdir $there; exec python3 - $remote $there/socket" <"$SCRIPTS/echo_server.py" >server &
stop_at_end $!
until_true grep -q ready server
ssh_to "${control[@]}" -O forward -L "$port:127.0.0.1:$remote" "$target"
echo_through "$port"
ssh_to "${control[@]}" -O cancel -L "$port:127.0.0.1:$remote" "$target"
ssh_to "${control[@]}" -O forward -L "$port:$there/socket" "$target"
echo_through "$port"
