#!/usr/bin/env bash
# Builds the five daemons and the tool `berth` and prints the folder they are in. Asks the
# compiler only when a source is newer than the last build here.
# BERTH_BUILD=debug takes the build that the tests use; release is the default.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

configuration=${BERTH_BUILD:-release}
[[ $configuration == release || $configuration == debug ]] ||
    die "BERTH_BUILD is $configuration, must be release or debug"
cd "$root"

products=(
    berth-gateway berth-sandbox-init berth-agent berth-authd berth-configd berth-auditd berth-metricsd berth
)
folder=$root/.build/$configuration
stamp=$folder/berth-built

is_fresh() {
    [[ -f $stamp ]] || return 1
    local product
    for product in "${products[@]}"; do [[ -x $folder/$product ]] || return 1; done
    [[ -z $(find Package.swift Services Shared -newer "$stamp" -print -quit) ]]
}

if ! is_fresh; then
    warn "building ($configuration) …"
    started=$(mktemp)
    for product in "${products[@]}"; do
        swift build -c "$configuration" --product "$product" >&2
    done
    # The stamp carries the time at which the build began: what was edited meanwhile is newer.
    touch -r "$started" "$stamp"
    rm -f "$started"
fi
say "$folder"
