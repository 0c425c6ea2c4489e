#!/usr/bin/env bash
# Ends the demonstration: kind/demo/teardown.sh [OPTION…]. The cluster stays for questions unless --delete-cluster is given.
#   --name NAME, --context NAME   as for kind/deploy.sh
#   --delete-cluster              deletes the cluster of kind's too
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
takes="--name --context --delete-cluster"
# shellcheck source=../common.sh
. "$here/common.sh"
read_options "$@"

words=(--context "$context")
if [ -z "${flags[--delete-cluster]:-}" ]; then
    words+=(--keep-cluster)
elif [ "$kind" = no ]; then
    die "--delete-cluster is for a cluster of kind's: $context is not ours to delete"
fi
doing="" # teardown.sh tells its own failures
"$here/teardown.sh" "${words[@]}"
