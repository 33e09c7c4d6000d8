#!/usr/bin/env bash
# A Ceph of one monitor, one OSD in memory and one radosgw, all in FOLDER, for as long as COMMAND runs:
# radosgw.sh FOLDER COMMAND…. COMMAND gets BERTH_S3_ENDPOINT, BERTH_S3_ACCESS_KEY and BERTH_S3_SECRET_KEY.
set -euo pipefail

folder=${1:?a folder} && shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export CEPH_CONF=$folder/ceph.conf
port_of() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
mon_port=$(port_of)
rgw_port=$(port_of)
fsid=$(cat /proc/sys/kernel/random/uuid)
export BERTH_S3_ACCESS_KEY=radosgw-access BERTH_S3_SECRET_KEY=radosgw-secret-0123456789
export BERTH_S3_ENDPOINT=http://127.0.0.1:$rgw_port

cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$mon_port
public addr = 127.0.0.1
keyring = $folder/keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon max pg per osd = 1000
run dir = $folder
log file = $folder/\$name.log
admin socket = $folder/\$name.asok
mon data = $folder/mon
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd memory target = 939524096
[client]
rgw frontends = beast endpoint=127.0.0.1:$rgw_port
rgw data = $folder/rgw
rgw max chunk size = 4194304
CONF

pids=()
finish() {
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
}
trap finish EXIT

start() {
    "$@" >>"$folder/out.log" 2>&1 &
    pids+=($!)
}

wait_for() {
    local end=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "radosgw.sh: gave up on $*" >&2; return 1; }
        sleep 0.3
    done
}

mkdir -p "$folder/mon" "$folder/osd" "$folder/rgw"
monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$folder/monmap" >"$folder/out.log"
key() { ceph-authtool "$folder/keyring" --gen-key -n "$@" >>"$folder/out.log"; }
ceph-authtool --create-keyring "$folder/keyring" >>"$folder/out.log"
key mon. --cap mon 'allow *'
key client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
key osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring" >>"$folder/out.log" 2>&1
start ceph-mon -f -i a
wait_for timeout 20 ceph mon stat
osd=$(timeout 60 ceph osd create)
ceph-osd -i "$osd" --mkfs >>"$folder/out.log" 2>&1
start ceph-osd -f -i "$osd"
wait_for bash -c 'timeout 20 ceph osd stat | grep -q "1 up"'
timeout 60 radosgw-admin user create --uid berth --display-name berth \
    --access-key "$BERTH_S3_ACCESS_KEY" --secret "$BERTH_S3_SECRET_KEY" >>"$folder/out.log" 2>&1
start radosgw -f -n client.admin
wait_for curl -sf "$BERTH_S3_ENDPOINT"
"$@"
