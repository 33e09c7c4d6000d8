# client: Dropbear dbclient
# what: a command's streams and exit status
# needs: dbclient dropbearconvert
dropbearconvert openssh dropbear "$KEY" key
mkdir -p .ssh
# dbclient knows hosts without ports, and no comments.
awk -v host="$HOST" '{ print host, $2, $3 }' "$KNOWN_HOSTS" >.ssh/known_hosts
status=0
dbclient -y -i key -p "$PORT" "$target" 'cat; exit 7' <<<in >out 2>err || status=$?
same "exit status; $(<err)" "$status" 7
same "standard output" "$(<out)" in
