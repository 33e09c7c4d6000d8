#!/usr/bin/env bash
# Collects what the images hold: collect.sh PROGRAMS OUT takes the programs in the folder PROGRAMS
# and makes the folder OUT with
#
#   runtime/   the libraries of all of them as this machine has them, `berth`, and files of /etc
#   state/     an empty folder, for what a process keeps
#   gateway/, authd/, …   one process each
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.sh"

programs=${1:?usage: collect.sh PROGRAMS OUT}
out=${2:?usage: collect.sh PROGRAMS OUT}
rm -rf "$out"
mkdir -p "$out"/runtime/{etc/berth,etc/ssl/certs,usr/bin,usr/lib,tmp,run/berth} "$out/state"
chmod 1777 "$out/runtime/tmp"

# install_program FOLDER NAME: without its symbols, which are most of it.
install_program() {
    mkdir -p "$out/$1/usr/bin"
    strip -o "$out/$1/usr/bin/$2" "$programs/$2"
    chmod 755 "$out/$1/usr/bin/$2"
}

install_program runtime berth
for daemon in "${daemons[@]}"; do install_program "$daemon" "berth-$daemon"; done
# What the gateway puts into containers has no libraries of its own.
install_program gateway berth-agent

# Lines `NAME => PATH (…)`, and one with the path of the loader alone.
ldd "$programs/berth" "${daemons[@]/#/$programs/berth-}" >"$out/libraries"
if grep 'not found' "$out/libraries" >&2; then die "libraries are missing"; fi
awk '$2 == "=>" { print $3 }' "$out/libraries" | sort -u | while read -r library; do
    # The loader looks into /usr/lib wherever the libraries were here.
    strip --strip-unneeded -o "$out/runtime/usr/lib/${library##*/}" "$(readlink -f "$library")"
done
awk '$1 ~ /^\// && $2 ~ /^\(/ { print $1 }' "$out/libraries" | sort -u | while read -r loader; do
    install -D -m 755 "$(readlink -f "$loader")" "$out/runtime$loader"
done
rm "$out/libraries"

cp /etc/ssl/certs/ca-certificates.crt "$out/runtime/etc/ssl/certs/"
printf '%s\n' 'root:x:0:0:root:/:/nonexistent' 'berth:x:10001:10001:Berth:/:/nonexistent' \
    >"$out/runtime/etc/passwd"
printf '%s\n' 'root:x:0:' 'berth:x:10001:' >"$out/runtime/etc/group"
printf 'hosts: files dns\n' >"$out/runtime/etc/nsswitch.conf"
cat >"$out/runtime/etc/berth/config.yaml" <<'CONFIG'
# Mount a configuration file over this one, or set variables such as BERTH_SSH__LISTEN.
CONFIG
