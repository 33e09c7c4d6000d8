# client: OpenSSH -J
# what: a second SSH server, reached through the first; a command there and a copied file
# needs: /usr/sbin/sshd
# there: sshd
master
second=$(free_port)
ssh-keygen -q -t ed25519 -N '' -f hostkey
# The second server runs at the other end, with this check's key for whoever we are there.
ssh-keygen -y -f "$KEY" | ssh_to "${control[@]}" "$target" "mkdir -m 700 $there && cat >$there/authorized"
ssh_to "${control[@]}" "$target" "umask 077 && cat >$there/hostkey" <hostkey
who=$(ssh_to "${control[@]}" "$target" id -un)
ssh_to "${control[@]}" "$target" "cat >$there/config && { [ \$(id -u) != 0 ] || mkdir -p /run/sshd; } && exec /usr/sbin/sshd -D -e -f $there/config" 2>server <<CONFIG &
Port $second
ListenAddress 127.0.0.1
HostKey $there/hostkey
AuthorizedKeysFile $there/authorized
StrictModes no
PidFile none
Subsystem sftp internal-sftp
CONFIG
stop_at_end $!
until_true grep -q 'Server listening' server
write_config
printf 'second %s\n' "$(ssh-keygen -y -f hostkey)" >second_known
cat >>ssh_config <<CONFIG
    ControlPath $WORK/master
Host second
    HostName 127.0.0.1
    Port $second
    HostKeyAlias second
    ProxyJump berth
    User $who
    IdentityFile $KEY
    IdentitiesOnly yes
    BatchMode yes
    UserKnownHostsFile $WORK/second_known
    GlobalKnownHostsFile none
    StrictHostKeyChecking yes
CONFIG
status=0
same "the second hop" "$(ssh -F ssh_config second 'echo "$SSH_CONNECTION" | cut -d " " -f 4')" "$second"
ssh -F ssh_config second 'exit 7' || status=$?
same "its exit status" "$status" 7
random_file here 700000
scp -q -F ssh_config here "second:$there/copied"
scp -q -F ssh_config "second:$there/copied" back
cmp here back
