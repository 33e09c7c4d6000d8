# client: Ansible
# what: ping and copy, with pipelining
# needs: ansible
# there: python3
write_config
cat >ansible.cfg <<CONFIG
[defaults]
local_tmp = $WORK/local
remote_tmp = $there
interpreter_python = /usr/bin/python3
[ssh_connection]
pipelining = True
ssh_args = -F $WORK/ssh_config -o ControlMaster=auto -o ControlPersist=20s
control_path_dir = $WORK/cp
CONFIG
export ANSIBLE_CONFIG=$WORK/ansible.cfg
random_file here 100000
ansible all -i berth, -m ping
ansible all -i berth, -m copy -a "src=$WORK/here dest=/tmp/${there##*/}-copied mode=0600"
ansible all -i berth, -m fetch -a "src=/tmp/${there##*/}-copied dest=$WORK/back flat=yes"
cmp here back
ssh -F "$WORK/ssh_config" -o ControlPath="$WORK/cp/none" berth true
