# client: PuTTY psftp
# what: puts a file and gets it back
# needs: psftp puttygen
puttygen "$KEY" -O private -o key.ppk
hostkey=$(ssh-keygen -l -f "$KNOWN_HOSTS" | awk '{ print $2; exit }')
random_file here 700000
printf 'mkdir %s\nput here %s/a\nget %s/a back\nrm %s/a\nrmdir %s\n' \
    "$there" "$there" "$there" "$there" "$there" >batch
psftp -batch -b batch -hostkey "$hostkey" -i key.ppk -P "$PORT" "$target"
cmp here back
