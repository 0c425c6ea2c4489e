#!/bin/sh
# Prints the master that most Sentinels can agree on: what the one with the highest configuration epoch says, once a
# majority answers. find-master.sh [ME]: ME, when it would be the master of others, waits until they are asked to elect one of
# those that have the data: with an empty volume always; with its data when a Sentinel misses it, since the one that is about
# to be promoted would not have what ME took meanwhile, confirmed by the other or not.
# Without ME it asks once and prints nothing when no Sentinel knows.
set -eu
# Sentinels know no password.
unset REDISCLI_AUTH
me=${1:-}
pods=$(echo "$REDIS_PODS" | tr , ' ')
# shellcheck disable=SC2086
set -- $pods
majority=$(($# / 2 + 1))
readonly patience_s=20 limit_s=90

# While a Sentinel conducts a failover, its first answer has the new epoch with the old address; the second has the new one.
# One that has heard nothing for half of the time after which it holds a master for down may be about to.
ask() { # → a line "epoch master replicas state" of each Sentinel that answers: there, missed or failing_over
    for pod in $pods; do
        printf '%s\n' 'sentinel master soc-master' 'sentinel get-master-addr-by-name soc-master' |
            timeout 2 redis-cli -h "$pod" -p 26379 --raw 2>/dev/null |
            awk -v enough="$((${SENTINEL_DOWN_AFTER_MS:-0} / 2))" '
                 { line[NR] = $0; value[line[NR - 1]] = $0 }
                 END {
                     state = "there"
                     if (value["flags"] ~ /s_down/ || value["last-ok-ping-reply"] + 0 > enough) state = "missed"
                     if (value["flags"] ~ /failover_in_progress/) state = "failing_over"
                     if (value["config-epoch"] != "") print value["config-epoch"], line[NR - 1], value["num-slaves"], state
                 }'
    done
}

# Whether ME may be the master already, by the Sentinels' answers: nobody else has the data, or nobody misses it. When they
# miss it and choose nobody, there is none to choose.
may_lead() {
    [ "${replicas:-0}" -gt 0 ] || return 0
    [ -e /data/appendonlydir ] || { echo "this volume is empty and there are replicas: waiting until one of them is the master" >&2; return 1; }
    case $answers in
        *failing_over*) ;;
        *missed*) [ "$waited_s" -lt $patience_s ] || return 0 ;;
        *) return 0 ;;
    esac
    echo "Sentinels miss this master: waiting for whom they choose" >&2
    return 1
}

begin=$(date +%s)
while :; do
    waited_s=$(($(date +%s) - begin))
    answers=$(ask | sort -n)
    count=$(echo "$answers" | grep -c . || true)
    best=$(echo "$answers" | tail -1)
    master=$(echo "$best" | cut -d' ' -f2)
    replicas=$(echo "$best" | cut -d' ' -f3)
    [ -n "$me" ] || break
    if [ "$count" -ge "$majority" ]; then
        if [ "$master" != "$me" ] || may_lead; then break; fi
    else
        echo "$count of $# Sentinels answer, $majority are needed" >&2
    fi
    [ "$waited_s" -lt $limit_s ] || exit 1
    sleep 1
done
echo "$master"
