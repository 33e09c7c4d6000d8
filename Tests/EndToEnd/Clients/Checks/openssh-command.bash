# client: OpenSSH
# what: a command's streams and exit status
status=0
ssh_to "$target" 'cat; echo err >&2; exit 7' <<<in >out 2>err || status=$?
same "exit status" "$status" 7
same "standard output" "$(<out)" in
grep -qx err err || fail "no standard error: $(<err)"
