# client: libssh2 (curl sftp)
# what: uploads a file and downloads it
# needs: curl
ssh-keygen -y -f "$KEY" >key.pub
random_file here 700000
master
sums=$(ssh-keyscan -p "$PORT" -t ed25519 "$HOST" 2>/dev/null | awk '{ print $3; exit }' |
    base64 -d | openssl dgst -sha256 -binary | base64 | tr -d =)
both=(--fail --silent --show-error --max-time 60 --hostpubsha256 "$sums" --key "$KEY"
    --pubkey key.pub --user "$LOGIN:")
url=sftp://$HOST:$PORT$there
# One run of curl, one connection: what is uploaded is still there for the download.
curl "${both[@]}" -T here "$url" --next "${both[@]}" -o back "$url"
cmp here back
