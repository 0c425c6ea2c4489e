#!/bin/sh
# Prints the master that most Sentinels can agree on: what the one with the highest configuration epoch says, once a
# majority answers. find-master.sh [ME]: ME, when it would be the master of others, waits until they are asked to elect one of
# those that have the data: with an empty volume always; with its data when another Redis has had it as its master. For
# however soon ME is back, Sentinels may not find its new address and promote one of the others, which would not have what ME
# took meanwhile, confirmed by the third or not.
# Without ME it asks once and prints nothing when no Sentinel knows.
set -eu
# Sentinels know no password.
password=${REDISCLI_AUTH:-}
unset REDISCLI_AUTH
me=${1:-}
pods=$(echo "$REDIS_PODS" | tr , ' ')
# shellcheck disable=SC2086
set -- $pods
majority=$(($# / 2 + 1))
readonly patience_s=20 limit_s=90 looks_before=3
looks=0

# While a Sentinel conducts a failover, its first answer has the new epoch with the old address; the second has the new one.
ask() { # → a line "epoch master replicas flags" of each Sentinel that answers
    for pod in $pods; do
        printf '%s\n' 'sentinel master soc-master' 'sentinel get-master-addr-by-name soc-master' |
            timeout 2 redis-cli -h "$pod" -p 26379 --raw 2>/dev/null |
            awk '{ line[NR] = $0; value[line[NR - 1]] = $0 }
                 END { if (value["config-epoch"] != "") print value["config-epoch"], line[NR - 1], value["num-slaves"], value["flags"] }'
    done
}

# By one that follows, or followed, a master since it was started, or is one.
is_missed() {
    for pod in $pods; do
        [ "$pod" != "$me" ] || continue
        told=$(REDISCLI_AUTH=$password timeout 2 redis-cli -h "$pod" info replication 2>/dev/null | tr -d '\r') || continue
        case $told in *master_link_down_since_seconds:-1*) ;; *role:*) return 0 ;; esac
    done
    return 1
}

# Sentinels that each voted for itself try again after twice the failover's time, and would then depose a master that leads on.
# One that is told to needs no votes. Not before the master has been down for them all for a while: then they ask the replicas
# each second who is ahead, else each ten seconds.
elect() { # → whether there is one to choose
    [ $looks -ge $looks_before ] || return 1
    for pod in $pods; do
        [ "$pod" != "$me" ] || continue
        case $(timeout 2 redis-cli -h "$pod" -p 26379 sentinel failover soc-master 2>/dev/null </dev/null) in
            OK* | INPROG*) return 0 ;;
        esac
    done
    return 1
}

# Whether ME may be the master already: nobody else has the data, or the Sentinels find none to choose.
may_lead() {
    [ "${replicas:-0}" -gt 0 ] || return 0
    [ -e /data/appendonlydir ] || { echo "this volume is empty and there are replicas: waiting until one of them is the master" >&2; return 1; }
    case $answers in *o_down*) looks=$((looks + 1)) ;; esac
    case $answers in
        *failover_in_progress*) ;;
        *)
            is_missed || return 0
            if ! elect && [ "$waited_s" -ge $patience_s ]; then return 0; fi
            ;;
    esac
    echo "another Redis has lost this master: waiting for whom the Sentinels choose" >&2
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
