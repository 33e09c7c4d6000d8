# client: OpenSSH -R
# what: a given port, a port that the server chooses and a Unix socket there lead to here
# there: python3
master
port=$(free_port)
serve_echo "$port"
remote=$(free_port)
through() { ssh_to "${control[@]}" "$target" "exec python3 - $1" <"$SCRIPTS/echo_client.py"; }
ssh_to "${control[@]}" -O forward -R "127.0.0.1:$remote:127.0.0.1:$port" "$target"
same "a given port" "$(through "$remote")" ok
ssh_to "${control[@]}" -O cancel -R "127.0.0.1:$remote:127.0.0.1:$port" "$target"
same "a cancelled forward" "$(through "$remote" 2>/dev/null || echo refused)" refused
chosen=$(ssh_to "${control[@]}" -O forward -R "127.0.0.1:0:127.0.0.1:$port" "$target")
[[ $chosen =~ ^[0-9]+$ && $chosen != 0 ]] || fail "no port was told: $chosen"
same "the chosen port" "$(through "$chosen")" ok
ssh_to "${control[@]}" "$target" "mkdir -m 700 $there"
ssh_to "${control[@]}" -O forward -R "$there/socket:127.0.0.1:$port" "$target"
same "a Unix socket" "$(through "$there/socket")" ok
