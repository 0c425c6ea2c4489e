#!/usr/bin/env bash
# Brings the whole system up on Kubernetes: kind/deploy.sh [OPTION…]
#   --name NAME      the cluster of kind's, made when it is not there (soc)
#   --image IMAGE    the image of its nodes (kind's own)
#   --context NAME   instead of kind: a cluster that is there, by its context of kubectl's
#   --load COMMAND   with --context: run with an archive of `docker save`, it brings images into the cluster; "none": the cluster
#                    pulls them, and API_IMAGE and WORKER_IMAGE name ours
#   --url URL        where the ingress answers (http://127.0.0.1:8080 for kind)
# Other images than the usual ones, by the environment: BASE_IMAGE (what ours are built on), API_IMAGE and WORKER_IMAGE (built
# already), REDIS_IMAGE, TRAEFIK_IMAGE, METRICS_SERVER_IMAGE, PROMETHEUS_IMAGE, PROMETHEUS_ADAPTER_IMAGE. An image that docker
# has is not pulled. Run again it changes what has changed and nothing else.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
takes="--name --image --context --load --url"
# shellcheck source=common.sh
. "$here/common.sh"
read_options "$@"

readonly ready_limit_s=180 chart_limit=5m
addons=()          # names of files in addons/
declare -A image=() # of each add-on, and of api, worker, redis

check_options() {
    [ -z "$loader" ] || [ "$kind" = no ] || die "--load is for --context: kind loads images itself"
    [ -z "$node_image" ] || [ "$kind" = yes ] || die "--image is for a cluster that kind makes: $context is there"
    [ "$kind" != no ] || [ -n "$loader" ] ||
        die "how do images get into the cluster of $context? --load COMMAND, or --load none when it pulls them itself"
    if [ "$loader" = none ] && [ -z "${API_IMAGE:+${WORKER_IMAGE:-}}" ]; then
        die "--load none wants API_IMAGE and WORKER_IMAGE, which the cluster can pull"
    fi
}

check_programs() {
    local programs=(kubectl helm curl)
    [ "$kind" = no ] || programs+=(kind)
    [ "$loader" = none ] || programs+=(docker)
    need "${programs[@]}"
    [ "$loader" = none ] || need_docker
}

check_port() { # port
    # shellcheck disable=SC2188 # only whether it opens
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || die "port $1 is taken: the whole stack's APIs use 8080 and 8081 (make down), or another cluster does"
}

ensure_cluster() {
    if [ "$kind" = yes ] && ! cluster_is_there; then
        local port
        for port in $(published_ports); do check_port "$port"; done
        step "creating the cluster $cluster"
        kind create cluster --name "$cluster" --config "$here/kind-config.yaml" ${node_image:+--image "$node_image"} --wait 120s
    else
        say "the cluster of $context is there already"
    fi
    need_context
}

variable_of() { # add-on or part
    local name=${1^^}_IMAGE
    echo "${name//-/_}"
}

image_of() { # add-on
    sed -n 's/^ *image: //p' "$here/addons/$1.yaml"
}

choose_addons() {
    step "looking what the cluster lacks"
    local name variable others
    # teardown.sh deletes what is ours, whole.
    for name in $namespace $monitoring $ingress; do
        is_ours namespace "$name" || die "the cluster of $context has a namespace $name that is not ours"
    done
    if is_ours apiservice v1beta1.metrics.k8s.io; then addons+=(metrics-server); fi
    if is_ours apiservice v1beta1.external.metrics.k8s.io; then addons+=(prometheus prometheus-adapter); fi
    # Of ingress classes any will do.
    others=$(k get ingressclass --selector "${label/=/!=}" --output name)
    if [ -z "$others" ]; then addons+=(traefik); fi
    for name in "${addons[@]}"; do
        variable=$(variable_of "$name")
        image[$name]=${!variable:-$(image_of "$name")}
    done
    echo "to be installed: ${addons[*]:-nothing}"
}

# By the image's own id: the same content has the same name, and pods roll exactly when it changes.
name_by_content() { # name
    local id
    id=$(docker image inspect --format '{{.Id}}' "$1:kind")
    id=${id#sha256:}
    docker tag "$1:kind" "$1:kind-${id:0:12}"
    echo "$1:kind-${id:0:12}"
}

build_images() {
    local part variable base
    base=${BASE_IMAGE:-$(sed -n 's/^BASE_IMAGE=//p' "$root/.env")}
    # BuildKit's client is a plug-in that not every docker has.
    docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
    for part in api worker; do
        variable=$(variable_of "$part")
        image[$part]=${!variable:-}
        [ -z "${image[$part]}" ] || continue
        step "building soc-$part on $base"
        need_image "$base" BASE_IMAGE
        docker build --quiet --file "$root/Dockerfile.$part" --build-arg "BASE=$base" --tag "soc-$part:kind" "$root"
        image[$part]=$(name_by_content "soc-$part")
    done
}

need_image() { # image variable
    docker image inspect "$1" >/dev/null 2>&1 || docker pull --quiet "$1" ||
        die "docker has no image $1 and cannot pull it: bring it there, or name another by $2"
}

load_images() {
    local name archive
    for name in "${!image[@]}"; do need_image "${image[$name]}" "$(variable_of "$name")"; done
    step "loading ${#image[@]} images"
    if [ "$kind" != no ]; then
        kind load docker-image --name "$cluster" "${image[@]}"
    else
        scratch_file archive
        docker save --output "$archive" "${image[@]}"
        $loader "$archive"
    fi
}

apply_addon() { # name
    sed "s|^\( *image: \).*|\1${image[$1]}|" "$here/addons/$1.yaml" | k apply --filename - >/dev/null
}

install_addons() {
    local name
    for name in "${addons[@]}"; do
        step "installing $name (${image[$name]})"
        apply_addon "$name"
        if [ "$name" = prometheus ]; then
            k create configmap soc-rules --namespace $monitoring --from-file "$root/helm/soc-agent/rules" --dry-run=client --output yaml |
                k apply --filename - >/dev/null
        fi
    done
    for name in "${addons[@]}"; do
        step "waiting for $name"
        k rollout status "deployment/$name" --namespace "$(namespace_of "$name")" --timeout "${ready_limit_s}s" ||
            { show_pods "$(namespace_of "$name")"; return 1; }
    done
}

namespace_of() { # add-on
    case $1 in metrics-server) echo kube-system ;; traefik) echo $ingress ;; *) echo $monitoring ;; esac
}

show_pods() { # namespace
    k get pods --namespace "$1" --output wide >&2 || true
    k get events --namespace "$1" --sort-by .lastTimestamp >&2 || true
    local pod
    for pod in $(k get pods --namespace "$1" --output 'jsonpath={range .items[?(@.status.containerStatuses[*].ready==false)]}{.metadata.name} {end}' || true); do
        echo "last words of $pod:" >&2
        k logs --namespace "$1" "$pod" --all-containers --tail 3 >&2 || true
    done
}

install_chart() {
    step "installing the chart"
    # Pods that ask for more than `restricted` allows are refused.
    k apply --filename - >/dev/null <<YAML
apiVersion: v1
kind: Namespace
metadata: {name: $namespace, labels: {pod-security.kubernetes.io/enforce: restricted, ${label/=/: }}}
YAML
    # Whatever name it is asked by: localhost, 127.0.0.1.
    local part words=(--set-json 'ingress.hosts=[{"host":""}]')
    for part in api worker redis; do
        words+=(--set-string "$part.image.repository=$(repository_of "${image[$part]}")" --set-string "$part.image.tag=$(tag_of "${image[$part]}")")
    done
    helm upgrade --install "$release" "$root/helm/soc-agent" --kube-context "$context" --namespace "$namespace" --wait --timeout $chart_limit \
        "${words[@]}" >/dev/null || { show_pods "$namespace"; return 1; }
}

repository_of() { # image
    local name=${1##*/}
    echo "${1%"$name"}${name%%:*}"
}

tag_of() { # image
    case ${1##*/} in *:*) echo "${1##*:}" ;; *) echo latest ;; esac
}

answers() { [ "$(curl --silent --noproxy '*' --max-time 5 --output /dev/null --write-out '%{http_code}' "$url/ready")" = 200 ]; }

has_metric() {
    local told
    told=$(k get --raw "/apis/external.metrics.k8s.io/v1beta1/namespaces/$namespace/soc_required_workers") || return 1
    case $told in *'"value":'*) ;; *) return 1 ;; esac
}

wait_until_it_answers() {
    if [ -n "$url" ]; then
        step "waiting for $url/ready"
        wait_for $ready_limit_s answers || { show_pods "$namespace"; return 1; }
    fi
    step "waiting for the metric that the workers are scaled by"
    wait_for $ready_limit_s has_metric || { k get --raw /apis/external.metrics.k8s.io/v1beta1 >&2 || true; return 1; }
}

tell() {
    local where=${url:-http://127.0.0.1:8000}
    say "up"
    [ -n "$url" ] || echo "first      kubectl --context $context -n $namespace port-forward service/$release-api 8000:8000"
    echo "threats    curl $where/api/threats"
    echo "live       $where/ws (kind/demo/watch $where shows what comes)"
    echo "send       scripts/send --url $where --count 100 --rate 20"
    [ -z "$(k get service prometheus --namespace $monitoring --ignore-not-found --output name)" ] ||
        echo "metrics    kubectl --context $context -n $monitoring port-forward service/prometheus 9090:9090"
    echo "scaling    kubectl --context $context -n $namespace get hpa"
    echo "demo       kind/demo/setup.sh$which, kind/demo/run.sh$which"
    echo "the end    kind/teardown.sh$which"
}

check_options
check_programs
ensure_cluster
choose_addons
image[redis]=${REDIS_IMAGE:-redis:7.0.15}
if [ "$loader" = none ]; then
    image[api]=$API_IMAGE image[worker]=$WORKER_IMAGE
else
    build_images
    load_images
fi
install_addons
install_chart
wait_until_it_answers
doing=""
tell
