# client: OpenSSH scp
# what: copies a tree there and back, with sftp and with its old protocol
mkdir -p tree/below
random_file tree/below/a 700000
printf x >tree/b
chmod 750 tree/b
master
for mode in -s -O; do
    scp "$mode" -rp -P "$PORT" "${options[@]}" "${control[@]}" tree "$target:$there"
    scp "$mode" -rp -P "$PORT" "${options[@]}" "${control[@]}" "$target:$there" "back$mode"
    diff -r tree "back$mode"
    same "mode of the file" "$(stat -c %a "back$mode/b")" 750
    ssh_to "${control[@]}" "$target" rm -r "$there"
done
