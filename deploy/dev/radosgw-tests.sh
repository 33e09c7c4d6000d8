#!/usr/bin/env bash
# Runs GivenStoreTests against a Ceph of this machine's own, which lives as long as they do.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$root"

"$here/deps.sh" run radosgw
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
swift build --build-tests >"$var/radosgw.log" 2>&1 || die "the build failed, log in $var/radosgw.log"
"$here/radosgw.sh" "$folder" swift test --skip-build --filter AuditdCoreTests.GivenStoreTests
