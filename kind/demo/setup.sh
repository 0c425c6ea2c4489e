#!/usr/bin/env bash
# Prepares the demonstration: kind/demo/setup.sh [OPTION…], with the options of kind/deploy.sh.
# The system is brought up, or brought up to date, and gets customers, past incidents and threat-intel lists to judge by.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(dirname "$here")
takes="--name --image --context --load --url"
# shellcheck source=../common.sh
. "$here/common.sh"
read_options "$@"

need python3
doing="" # deploy.sh tells its own failures
"$here/deploy.sh" "$@"
reach_api
step "loading the demonstration context"
"$root/scripts/load" --url "$url" "$root/scripts/demo/context.json"
doing=""
say "ready: kind/demo/run.sh$which"
