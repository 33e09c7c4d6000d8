# client: git
# what: pushes to and clones from a repository at the other end
# needs: git
# there: git
git() { command git -c user.name=a -c user.email=a@b -c init.defaultBranch=main "$@"; }
master
export GIT_SSH_COMMAND="ssh -p $PORT ${options[*]} ${control[*]}"
ssh_to "${control[@]}" "$target" git init -q --bare -b main "$there"
git init -q one
random_file one/data 300000
git -C one add data
git -C one commit -qm first
git -C one push -q "$target:$there" main
git clone -q "$target:$there" two
cmp one/data two/data
