#!/usr/bin/env bash
# Builds the images of the five processes and of the agent from the programs of this machine, without a registry:
# `make images`.
#
#   images.sh                     builds the programs for release first
#   images.sh --programs FOLDER   takes those in FOLDER as they are
#
# BERTH_IMAGES (berth) is what the images' names begin with, BERTH_TAG (latest) their tag;
# BERTH_VERSION is for their labels and otherwise what git says.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../dev/lib.sh"
here=$(dirname "${BASH_SOURCE[0]}")

case ${1:-} in
--programs) programs=${2:?--programs needs a folder} ;;
'') programs=$("$here/../dev/build.sh") ;;
*) die "unknown argument $1; only --programs is known" ;;
esac
images=${BERTH_IMAGES:-berth}
tag=${BERTH_TAG:-latest}

of_git() { git -C "$root" "$@" 2>/dev/null || say unknown; }
labels=(
    --build-arg "VERSION=${BERTH_VERSION:-$(of_git describe --always --dirty)}"
    --build-arg "REVISION=$(of_git rev-parse HEAD)"
)

work=$(mktemp -d)
stage=$images/build:$tag
trap 'rm -rf "$work"; docker image rm --force "$stage" >/dev/null 2>&1 || true' EXIT
"$here/collect.sh" "$programs" "$work/out"
docker build --quiet --tag "$stage" --file - "$work/out" >/dev/null <<'STAGE'
FROM scratch
COPY . /out/
STAGE

# The stages of the Dockerfile behind its mark, with the image above as the one before them.
{
    say "FROM $stage AS build"
    sed '1,/^# ---- /d' "$here/Dockerfile"
} >"$work/Dockerfile"
for daemon in "${daemons[@]}" agent; do
    docker build --quiet --target "$daemon" --tag "$images/$daemon:$tag" "${labels[@]}" - \
        <"$work/Dockerfile" >/dev/null
    docker image ls --format '{{.Repository}}:{{.Tag}}	{{.Size}}' "$images/$daemon:$tag"
done
