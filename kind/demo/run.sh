#!/usr/bin/env bash
# The demonstration, after kind/demo/setup.sh: kind/demo/run.sh [OPTION…]
#   --name NAME, --context NAME, --url URL   as for kind/deploy.sh
#   --count N   signals of the load (600)
#   --rate R    of them a second (20)
#   --yes       does not wait for Enter between the parts; nor when no terminal is there
# Ends with 1 when anything that it shows is not as it should be.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
root=$(dirname "$here")
takes="--name --context --url --count --rate --yes"
# shellcheck source=../common.sh
. "$here/common.sh"
read_options "$@"

readonly count=${flags[--count]:-600} rate=${flags[--rate]:-20}

pause() { # what comes
    doing="waiting for Enter"
    [ -z "${flags[--yes]:-}" ] && [ -t 0 ] || return 0
    read -rp "-- Enter for: $1 "
}

show_environment() {
    step "1. what runs"
    k get nodes
    k get pods,hpa --namespace $namespace --output wide
    local part
    for part in api worker; do k rollout status "deployment/$release-$part" --namespace $namespace --timeout 120s; done
}

show_addresses() {
    step "2. where it answers"
    local prometheus
    reach_api
    cat <<TEXT
threats     $url/api/threats
statistics  $url/api/stats
live        $url/ws
TEXT
    # A cluster of others may have a Prometheus of its own.
    [ -n "$(k get namespace $monitoring --ignore-not-found --output name)" ] || return 0
    forward prometheus $monitoring service/prometheus 9090
    echo "Prometheus  $prometheus (as long as this runs)"
}

show_a_threat() {
    step "3. a threat, and what a WebSocket says of it"
    local watched watcher
    scratch_file watched
    "$here/demo/watch" "$url" --count 3 --seconds 30 >"$watched" &
    watcher=$!
    helpers+=("$watcher")
    wait_for 20 grep -q connected "$watched" || die "the WebSocket $url/ws does not open"
    "$root/scripts/send" --url "$url" --show credential_stuffing
    "$root/scripts/send" --url "$url" --count 2 --quiet
    wait "$watcher" || die "the WebSocket has not told all three"
    echo "The WebSocket:"
    cat "$watched"
}

replicas_of() { # part
    k get deployment "$release-$1" --namespace $namespace --output 'jsonpath={.status.readyReplicas}'
}

required_workers() {
    k get --raw "/apis/external.metrics.k8s.io/v1beta1/namespaces/$namespace/soc_required_workers" | sed -n 's/.*"value":"\([^"]*\)".*/\1/p'
}

outstanding() {
    curl --silent --fail --noproxy '*' --max-time 5 "$url/api/backlog" | sed -n 's/.*"outstanding":\([0-9]*\).*/\1/p'
}

show_load() {
    step "4. $count signals, $rate a second"
    local sent sender began=$SECONDS
    scratch_file sent
    "$root/scripts/send" --url "$url" --count "$count" --rate "$rate" --wait 30 >"$sent" &
    sender=$!
    helpers+=("$sender")
    printf '%8s %12s %10s %8s %5s\n' seconds outstanding required workers apis
    while kill -0 "$sender" 2>/dev/null; do
        printf '%8s %12s %10s %8s %5s\n' $((SECONDS - began)) "$(outstanding)" "$(required_workers)" "$(replicas_of worker)" "$(replicas_of api)"
        sleep 3
    done
    wait "$sender" || { cat "$sent"; die "not every signal was analysed"; }
    cat "$sent"
}

replace_pods() {
    k rollout restart "deployment/$release-api" "deployment/$release-worker" --namespace $namespace
    k rollout status "deployment/$release-api" --namespace $namespace --timeout 180s
    k rollout status "deployment/$release-worker" --namespace $namespace --timeout 180s
}

show_a_rolling_update() {
    step "5. $rate a second while every pod is replaced"
    local replaced replacing
    scratch_file replaced
    replace_pods >"$replaced" 2>&1 &
    replacing=$!
    helpers+=("$replacing")
    while true; do
        "$root/scripts/send" --url "$url" --count $((rate * 5)) --rate "$rate" --wait 30 --quiet ||
            die "the update was noticed: not every signal was analysed"
        kill -0 "$replacing" 2>/dev/null || break
    done
    wait "$replacing" || { cat "$replaced"; die "the pods could not be replaced"; }
    grep rolled "$replaced" || true
}

show_account() {
    step "6. the account"
    wait_for 60 settled || die "the backlog does not empty: $(curl --silent --noproxy '*' "$url/api/backlog")"
    curl --silent --fail --noproxy '*' "$url/api/backlog" | python3 -c '
import json, sys
account = json.load(sys.stdin)
print(", ".join(f"{name} {account[name]}" for name in ("received", "completed", "failed", "outstanding", "unaccounted")))'
}

settled() { [ "$(outstanding)" = 0 ]; }

for number in "$count" "$rate"; do [[ $number =~ ^[1-9][0-9]*$ ]] || die "--count and --rate want whole numbers, not $number"; done
need kubectl curl python3
need_context
show_environment
show_addresses
pause "a threat"
show_a_threat
pause "load"
show_load
pause "a rolling update under load"
show_a_rolling_update
show_account
doing=""
say "done; kind/demo/teardown.sh$which ends it"
