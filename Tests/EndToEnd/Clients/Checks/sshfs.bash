# client: sshfs
# what: a mounted folder is written, read, renamed and listed
# needs: sshfs /dev/fuse
write_config
mkdir mount
sshfs -F "$WORK/ssh_config" berth:/tmp mount
trap 'fusermount -u mount || fusermount -uz mount; end_processes' EXIT
folder=mount/${there##*/}
mkdir "$folder"
random_file here 700000
cp here "$folder/a"
mv "$folder/a" "$folder/b"
same "the folder" "$(ls "$folder")" b
cmp here "$folder/b"
rm -r "$folder"
