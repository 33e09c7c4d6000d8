# client: OpenSSH sftp
# what: puts, lists, renames, gets and removes a file
random_file here 700000
sftp -P "$PORT" "${options[@]}" -b - "$target" <<BATCH >listing
mkdir $there
put here $there/a
rename $there/a $there/b
ls -l $there
get $there/b back
rm $there/b
rmdir $there
BATCH
grep -q 700000 listing || fail "not listed: $(<listing)"
cmp here back
