#!/usr/bin/env bash
# Unpacks an OpenSSH client newer than the system's into a private folder and prints the path of its `ssh`.
#
# Nothing is installed: the packages of a newer Debian release are downloaded by name, unpacked below
# $BERTH_VAR/openssh-new, and run with their own libraries. A second run finds everything there.
# Used by the tests to prove the post-quantum key exchange against a client that is not ours.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder="${BERTH_VAR:-$here/var}/openssh-new"
release=trixie
packages="openssh-client libc6 libssl3t64 zlib1g libselinux1 libpcre2-8-0 libgssapi-krb5-2 libkrb5-3
    libk5crypto3 libkrb5support0 libcom-err2 libkeyutils1 libzstd1 libedit2 libbsd0 libmd0 libtinfo6
    libfido2-1 libcbor0.10 libudev1 libcap2"

if [ ! -x "$folder/ssh" ]; then
    mkdir -p "$folder"/{lists/partial,cache/archives/partial,root,debs}
    mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d \
        2>/dev/null | head -n 1 | tr -d ' ' || true)
    [ -n "$mirror" ] || { echo "no Debian mirror is configured here" >&2; exit 1; }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" \
        >"$folder/sources.list"
    touch "$folder/status"
    options=(-o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache"
        -o "Dir::State::status=$folder/status" -o APT::Sandbox::User=root)
    apt-get "${options[@]}" -qq update >&2
    # shellcheck disable=SC2086
    (cd "$folder/debs" && apt-get "${options[@]}" -qq download $packages >&2)
    for deb in "$folder"/debs/*.deb; do dpkg-deb -x "$deb" "$folder/root"; done
    cat >"$folder/ssh.new" <<SCRIPT
#!/bin/sh
exec "$folder/root/usr/lib64/ld-linux-x86-64.so.2" \\
    --library-path "$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu" \\
    "$folder/root/usr/bin/ssh" -F none "\$@"
SCRIPT
    chmod +x "$folder/ssh.new"
    "$folder/ssh.new" -V >&2
    mv "$folder/ssh.new" "$folder/ssh"
fi
echo "$folder/ssh"
