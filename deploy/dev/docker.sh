#!/usr/bin/env bash
# Makes sure that a container engine answers on /var/run/docker.sock and has the image that the
# tests use, berth-test/busybox. Starts dockerd only when no engine answers, and only as root;
# exit status 3 says that there is none and that this user cannot start one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=berth-test/busybox:latest
state=$var/docker
mkdir -p "$state"

# The client is told nothing by the caller's environment: this is about the local engine.
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
answers() { timeout 5 docker version --format '{{.Server.Version}}'; }

start_engine() {
    ((EUID == 0)) || {
        warn "no container engine answers, and only root can start one"
        exit 3
    }
    command -v dockerd >/dev/null || {
        warn "no container engine answers, and dockerd is not installed"
        exit 3
    }
    say "starting dockerd, log in $state/dockerd.log"
    in_background "$state/dockerd.log" "$state/dockerd.pid" dockerd
    wait_until 60 answers || {
        tail -n 20 "$state/dockerd.log" >&2
        warn "dockerd does not answer"
        exit 3
    }
}

# A root filesystem of one static busybox: there is no registry to pull from.
build_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    local tree
    tree=$(mktemp -d "$state/rootfs.XXXXXX")
    mkdir -p "$tree"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,usr/lib,var}
    chmod 1777 "$tree/tmp"
    install -m 755 /bin/busybox "$tree/bin/busybox"
    local applet
    while read -r applet; do
        ln -s busybox "$tree/bin/$applet"
    done < <(/bin/busybox --list | grep -vx busybox)
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$tree/etc/passwd"
    printf 'root:x:0:\n' >"$tree/etc/group"
    tar -C "$tree" -c . | docker import --change 'CMD ["/bin/sh"]' \
        --change 'ENV PATH=/bin:/usr/bin' - "$image" >/dev/null
    rm -rf "$tree"
    say "built the image $image"
}

answers >/dev/null 2>&1 || start_engine
build_image
