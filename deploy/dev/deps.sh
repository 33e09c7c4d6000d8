#!/usr/bin/env bash
# Installs what is missing on a Debian machine for the sets named: run, test, bench, radosgw.
# With nothing missing it takes a moment and touches no network.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

packages_run=(
    bubblewrap crun curl iproute2 runc openssh-client openssh-sftp-server pkg-config procps make
    libarchive-dev libcrypt-dev libcurl4-openssl-dev libisal-dev libkrb5-dev libldap-dev libmaxminddb-dev
    libqrencode-dev libseccomp-dev
    libsqlite3-dev libssh-dev libssl-dev zlib1g-dev
)
packages_test=(
    docker.io docker-compose busybox-static iptables openssl python3 python3-venv binutils
    ca-certificates
    # The SSH clients of Tests/EndToEnd/Clients/Checks, and the servers they reach through Berth.
    rsync git sshfs ansible-core dropbear-bin putty-tools golang-go golang-golang-x-crypto-dev
    # What Helm renders charts with.
    golang-github-masterminds-sprig-dev golang-k8s-sigs-yaml-dev
    openssh-server xauth
    # A registry to pull from, TLS in front of an engine, and another engine.
    docker-registry socat openssl podman
    # Reads the QR codes that berth prints.
    zbar-tools
    # promtool, for the metrics and their rules.
    prometheus
    # What reads encrypted recordings and asciicasts beside Berth, and a browser for auditd's page.
    age asciinema bsdutils chromium fonts-dejavu-core
    # A Kerberos realm.
    krb5-kdc krb5-admin-server krb5-user
    # A directory.
    slapd ldap-utils
)
packages_bench=(
    openssh-server docker.io busybox-static iptables python3 gcc libc6-dev libssh-dev
)
packages_radosgw=(ceph-mon ceph-osd ceph-common radosgw curl python3)
pip_test=(paramiko asyncssh ssh-audit 'moto[server]' flask schemathesis websockets pyyaml kubernetes-validate)

# missing PACKAGE…: those that dpkg does not list as installed.
missing() {
    local installed
    installed=" $(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        awk '$2 == "installed" { print $1 }' | tr '\n' ' ')"
    local package
    for package in "$@"; do
        [[ $installed == *" $package "* ]] || say "$package"
    done
}

# as_root COMMAND…: false when there is no way to be root without a question.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 1
    fi
}

install_packages() {
    command -v dpkg-query >/dev/null || {
        warn "not a Debian system: see deploy/dev/deps.sh for what is needed"
        return 0
    }
    local wanted
    mapfile -t wanted < <(missing "$@")
    ((${#wanted[@]})) || return 0
    say "installing ${wanted[*]}"
    local quiet=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    local install=("${quiet[@]}" install -y --no-install-recommends "${wanted[@]}")
    # No service of an installed package shall start by itself.
    if as_root "${quiet[@]}" update && RUNLEVEL=1 as_root "${install[@]}" >/dev/null; then
        return 0
    fi
    die "cannot install ${wanted[*]}; install them as root and try again"
}

# The Python packages live in a virtual environment of their own, $var/python.
install_python() {
    local python=$var/python stamp=$var/python/installed
    [[ -f $stamp && $(<"$stamp") == "$*" ]] && return 0
    say "installing the Python packages $*"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check "$@"
    printf '%s' "$*" >"$stamp"
}

for set in "${@:-run}"; do
    case $set in
    run) install_packages "${packages_run[@]}" ;;
    test)
        install_packages "${packages_test[@]}"
        install_python "${pip_test[@]}"
        ;;
    radosgw) install_packages "${packages_radosgw[@]}" ;;
    bench) install_packages "${packages_bench[@]}" ;;
    *) die "no such set: $set" ;;
    esac
done
