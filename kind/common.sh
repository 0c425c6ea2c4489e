# What the scripts here share: options, where the cluster is, and words. Sourced after `here` (this folder) and `takes`
# (the options of the script) are set.
# shellcheck shell=bash disable=SC2034,SC2154

readonly release=soc namespace=soc monitoring=soc-monitoring ingress=soc-ingress label=app.kubernetes.io/managed-by=soc-kind
script=${0##*/}
cluster=soc context="" node_image="" loader="" url="" which="" doing="reading the options"
# `which` are the options that lead the scripts here to the same cluster.
declare -A flags=()
helpers=() leftovers=() # processes and files that end with the script

say() { echo "== $*"; }

# What the script is at, told when it fails.
step() {
    doing=$1
    say "$1"
}

die() {
    doing=""
    echo "$script: $1" >&2
    exit 1
}

finish() {
    local code=$? pid
    for pid in "${helpers[@]}"; do kill "$pid" 2>/dev/null || true; done
    [ ${#leftovers[@]} -eq 0 ] || rm -f "${leftovers[@]}"
    [ $code -eq 0 ] || [ -z "$doing" ] || echo "$script: failed while $doing" >&2
}
trap finish EXIT
trap 'exit 130' INT TERM

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

published_ports() { sed -n 's/.*hostPort: \([0-9]*\).*/\1/p' "$here/kind-config.yaml"; }

read_options() {
    local option
    while [ $# -gt 0 ]; do
        option=$1
        case " $takes --help " in *" $option "*) ;; *) usage >&2; die "$option is not an option" ;; esac
        case $option in
            --help) usage; exit 0 ;;
            --context | --name | --image | --load | --url | --count | --rate)
                [ -n "${2:-}" ] || die "$option wants a value"
                shift
                ;;
        esac
        case $option in
            --context) context=$1 ;;
            --name) cluster=$1 ;;
            --image) node_image=$1 ;;
            --load) loader=$1 ;;
            --url) url=${1%/} ;;
            *) flags[$option]=$1 ;;
        esac
        shift
    done
    # A context of kind's is a cluster of kind's.
    case $context in
        "") context=kind-$cluster kind=yes ;;
        kind-*) cluster=${context#kind-} kind=there which=" --context $context" ;;
        *) kind=no which=" --context $context" ;;
    esac
    [ "$kind" != yes ] || [ "$cluster" = soc ] || which=" --name $cluster"
    [ -n "$url" ] || [ "$kind" = no ] || url=http://127.0.0.1:$(published_ports | head -n 1)
}

declare -A ways=(
    [docker]="apt-get install docker.io, or https://docs.docker.com/engine/install"
    [kind]="go install sigs.k8s.io/kind@v0.31.0, or https://kind.sigs.k8s.io/docs/user/quick-start"
    [kubectl]="https://kubernetes.io/docs/tasks/tools"
    [helm]="https://helm.sh/docs/intro/install"
    [curl]="apt-get install curl"
    [python3]="apt-get install python3"
)

need() { # program…
    local name missing=""
    for name in "$@"; do
        command -v "$name" >/dev/null && continue
        echo "$script: $name is missing: ${ways[$name]}" >&2
        missing+=" $name"
    done
    [ -z "$missing" ] || die "nothing was done; missing:$missing"
}

need_docker() {
    local told
    told=$(docker info 2>&1 >/dev/null) ||
        die "docker is installed, but its daemon does not answer: start it (systemctl start docker), or join the group docker. ${told##*$'\n'}"
}

k() { kubectl --context "$context" "$@"; }

cluster_is_there() { # of kind's
    local all
    all=$(kind get clusters 2>/dev/null) || die "kind get clusters failed: does docker answer?"
    case $'\n'$all$'\n' in *$'\n'"$cluster"$'\n'*) return 0 ;; esac
    return 1
}

need_context() {
    local all
    all=$(kubectl config get-contexts -o name) || die "kubectl has no configuration that it can read"
    case $'\n'$all$'\n' in
        *$'\n'"$context"$'\n'*) ;;
        *) die "kubectl knows no context $context; it knows: ${all//$'\n'/, }" ;;
    esac
    k get --raw /readyz >/dev/null || die "the cluster of the context $context does not answer"
}

# Whether an add-on is for us to install: it is not there, or it is ours.
is_ours() { # kind and name of what would be there
    local by
    by=$(k get "$@" --ignore-not-found --output 'jsonpath={.metadata.name}={.metadata.labels.app\.kubernetes\.io/managed-by}')
    case $by in "" | *=soc-kind) ;; *) return 1 ;; esac
}

wait_for() { # seconds command…
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 1
    done
}

scratch_file() { # into the variable named
    printf -v "$1" %s "$(mktemp "${TMPDIR:-/tmp}/soc-kind.XXXXXX")"
    leftovers+=("${!1}")
}

# A service of the cluster on a free port of this machine, as long as the script runs; its URL into the variable named.
forward() { # variable namespace service port
    local log
    scratch_file log
    kubectl --context "$context" port-forward --namespace "$2" "$3" ":$4" >"$log" 2>&1 &
    helpers+=($!)
    wait_for 20 grep -q '^Forwarding from 127' "$log" || die "$3 cannot be reached: $(tail -n 1 "$log")"
    printf -v "$1" %s "http://127.0.0.1:$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$log" | head -n 1)"
}

reach_api() {
    local service
    [ -z "$url" ] || return 0
    service=$(k get service --namespace "$namespace" --selector app.kubernetes.io/component=api --output name | head -n 1)
    [ -n "$service" ] || die "there is no API in the namespace $namespace of $context: kind/deploy.sh brings it"
    forward url "$namespace" "$service" 8000
}
