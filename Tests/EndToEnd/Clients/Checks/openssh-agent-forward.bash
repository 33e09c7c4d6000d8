# client: OpenSSH -A
# what: the keys of the agent here are seen there and sign
# there: ssh-add ssh-keygen
eval "$(ssh-agent -a "$WORK/agent")" >/dev/null
stop_at_end "$SSH_AGENT_PID"
ssh-keygen -q -t ed25519 -N '' -C forwarded -f other
ssh-add -q other
ssh_to -A "$target" 'ssh-add -l' >keys
grep -q forwarded keys || fail "the key is not seen: $(<keys)"
# Signing there needs the private key here.
ssh_to -A "$target" \
    "mkdir $there; cat >$there/k.pub; echo text | ssh-keygen -q -Y sign -n test -f $there/k.pub" <other.pub >signature
echo "a $(cut -d ' ' -f 1,2 other.pub)" >signers
echo text | ssh-keygen -q -Y verify -n test -I a -f signers -s signature
