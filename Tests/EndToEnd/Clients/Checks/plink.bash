# client: PuTTY plink
# what: a command's streams and exit status
# needs: plink puttygen
puttygen "$KEY" -O private -o key.ppk
hostkey=$(ssh-keygen -l -f "$KNOWN_HOSTS" | awk '{ print $2; exit }')
status=0
plink -batch -hostkey "$hostkey" -i key.ppk -P "$PORT" "$target" 'cat; exit 7' <<<in >out 2>err || status=$?
same "exit status; $(<err)" "$status" 7
same "standard output" "$(<out)" in
