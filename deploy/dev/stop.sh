#!/usr/bin/env bash
# Stops the suite that run.sh started from the same folder, and nothing else.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
stop_daemons "$var/demo/run"
