#!/usr/bin/env bash
# Renders the chart beside it with Go's template engine and sprig, which are what Helm uses:
#
#   render.sh                            writes the manifests beside the chart anew
#   render.sh [-values FILE] -out FOLDER writes one file for each template
#
# Needs golang-go, golang-github-masterminds-sprig-dev and golang-k8s-sigs-yaml-dev.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=-p=2
export GOCACHE=${BERTH_GO_CACHE:-$work/cache}
go build -o "$work/render" "$here/render/render.go"
if (($# == 0)); then
    printf 'createNamespace: true\n' >"$work/values.yaml"
    set -- -values "$work/values.yaml" -out "$here"
fi
"$work/render" "$@" "$here/chart"
