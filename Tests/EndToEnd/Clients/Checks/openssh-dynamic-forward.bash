# client: OpenSSH -D
# what: a SOCKS proxy whose connections begin at the other end
# there: python3
master
remote=$(free_port)
ssh_to "${control[@]}" "$target" \
    "mkdir $there && cd $there && echo from there >page && exec python3 -u -m http.server --bind 127.0.0.1 $remote" >server 2>&1 &
stop_at_end $!
until_true grep -q Serving server
socks=$(free_port)
ssh_to "${control[@]}" -O forward -D "$socks" "$target"
same "the page" "$(curl -sS --max-time 30 --socks5-hostname "127.0.0.1:$socks" "http://localhost:$remote/page")" "from there"
status=0
closed=$(free_port)
curl -sS --max-time 30 --socks5-hostname "127.0.0.1:$socks" "http://127.0.0.1:$closed/" 2>/dev/null || status=$?
((status != 0)) || fail "a closed port answered"
