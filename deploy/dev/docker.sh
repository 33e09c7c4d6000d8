#!/usr/bin/env bash
# Makes sure that a container engine answers on /var/run/docker.sock and has the images that the
# tests use: berth-test/busybox, and berth-test/clients with what some clients' checks want to find
# in a container, such as rsync and Python. Starts dockerd only when no engine answers, and only as root;
# exit status 3 says that there is none and that this user cannot start one.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

image=berth-test/busybox:latest
clients_image=berth-test/clients:latest
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

# busybox_tree FOLDER: a root file system of one static busybox; there is no registry to pull from.
busybox_tree() {
    mkdir -p "$1"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,usr/lib,var}
    chmod 1777 "$1/tmp"
    install -m 755 /bin/busybox "$1/bin/busybox"
    local applet
    while read -r applet; do
        ln -s busybox "$1/bin/$applet"
    done < <(/bin/busybox --list | grep -vx busybox)
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$1/etc/passwd"
    printf 'root:x:0:\n' >"$1/etc/group"
}

# import_tree FOLDER IMAGE [CHANGE…]
import_tree() {
    local tree=$1 name=$2 changes=() change
    shift 2
    for change in 'CMD ["/bin/sh"]' "$@"; do changes+=(--change "$change"); done
    tar -C "$tree" --owner 0 --group 0 -c . | docker import "${changes[@]}" - "$name" >/dev/null
    rm -rf "$tree"
    say "built the image $name"
}

build_image() {
    docker image inspect "$image" >/dev/null 2>&1 && return 0
    local tree
    tree=$(mktemp -d "$state/rootfs.XXXXXX")
    busybox_tree "$tree"
    import_tree "$tree" "$image" 'ENV PATH=/bin:/usr/bin'
}

# The same with this machine's programs and their libraries, for a user who is not root.
build_clients_image() {
    docker image inspect "$clients_image" >/dev/null 2>&1 && return 0
    local programs=(bash rsync git ssh-add ssh-keygen sshd python3) program paths=()
    for program in "${programs[@]}"; do
        # Debian's own, with Debian's libraries.
        paths+=("$(PATH=/usr/bin:/usr/sbin command -v "$program")") || {
            warn "no image $clients_image: $program is not installed here"
            return 0
        }
    done
    local tree python
    tree=$(mktemp -d "$state/rootfs.XXXXXX")
    busybox_tree "$tree"
    python=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    printf 'dev:x:1000:1000::/home/dev:/bin/bash\n' >>"$tree/etc/passwd"
    printf 'dev:x:1000:\n' >>"$tree/etc/group"
    mkdir -m 1777 "$tree/home/dev"
    rm -f "$tree"/bin/{bash,rsync,git,python3}
    {
        printf '%s\n' "${paths[@]}" /usr/lib/git-core/git
        ldd "${paths[@]}" "$python"/lib-dynload/*.so | grep -o '\s/[^ :]*' | tr -d '\t '
        find "$python" -type f -not -path '*/__pycache__/*' -not -path '*/test/*'
        find /usr/bin -name 'git-*-pack' -lname git
    } | sort -u | tar -c -P --files-from - --dereference | tar -C "$tree" -x 2>/dev/null
    ln -sf ../usr/bin/bash "$tree/bin/bash"
    import_tree "$tree" "$clients_image" 'ENV PATH=/bin:/usr/bin:/usr/sbin' 'USER 1000:1000'
}

answers >/dev/null 2>&1 || start_engine
build_image
build_clients_image
