#!/usr/bin/env bash
# Takes away what kind/deploy.sh brought: kind/teardown.sh [OPTION…]
#   --name NAME      the cluster of kind's (soc): it is deleted whole
#   --context NAME   instead of kind: the chart with its data, and our add-ons, leave the
#                    cluster of that context, which stays
#   --keep-cluster   the same for a cluster of kind's
#   --images         also the images of ours that were built for it
# Run again it finds nothing to do.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
takes="--name --context --keep-cluster --images"
# shellcheck source=common.sh
. "$here/common.sh"
read_options "$@"

delete_cluster() {
    step "deleting the cluster $cluster"
    kind delete cluster --name "$cluster"
    # kind leaves its network; other clusters live in it.
    [ -n "$(kind get clusters 2>/dev/null)" ] || docker network rm kind >/dev/null 2>&1 || true
}

leave_cluster() {
    need_context
    step "uninstalling the chart"
    if [ -n "$(helm list --kube-context "$context" --namespace $namespace --filter "^$release\$" --all --short)" ]; then
        helm uninstall "$release" --kube-context "$context" --namespace $namespace --wait --timeout 3m
    fi
    step "deleting our add-ons and namespaces"
    # API services first: without their servers, a namespace does not end.
    k delete apiservice,ingressclass,clusterrole,clusterrolebinding --selector "$label" --ignore-not-found
    k delete deployment,service,serviceaccount,rolebinding,configmap --selector "$label" --namespace kube-system --ignore-not-found
    k delete namespace --selector "$label" --ignore-not-found --timeout 3m
}

delete_images() {
    local images
    need docker
    images=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -E '^soc-(api|worker):kind' || true)
    [ -n "$images" ] || return 0
    step "deleting the images"
    # shellcheck disable=SC2086 # one word each
    docker image rm $images >/dev/null
}

need kubectl
if [ "$kind" = no ]; then
    need helm
    leave_cluster
else
    need docker kind helm
    need_docker
    if ! cluster_is_there; then
        say "there is no cluster $cluster"
    elif [ -n "${flags[--keep-cluster]:-}" ]; then
        leave_cluster
    else
        delete_cluster
    fi
fi
[ -z "${flags[--images]:-}" ] || delete_images
doing=""
say "gone"
