#!/bin/sh
# Prints the master that most Sentinels can agree on: what the one with the highest configuration epoch says, once a
# majority answers. find-master.sh [ME]: ME, empty where it should be the master of others, waits until they are asked to
# elect one of those that have the data. Without ME it asks once and prints nothing when no Sentinel knows.
set -eu
# Sentinels know no password.
unset REDISCLI_AUTH
me=${1:-}
pods=$(echo "$REDIS_PODS" | tr , ' ')
# shellcheck disable=SC2086
set -- $pods
majority=$(($# / 2 + 1))

# While a Sentinel conducts a failover, its first answer has the new epoch with the old address; the second has the new one.
ask() { # → a line "epoch master replicas" of each Sentinel that answers
    for pod in $pods; do
        printf '%s\n' 'sentinel master soc-master' 'sentinel get-master-addr-by-name soc-master' |
            timeout 2 redis-cli -h "$pod" -p 26379 --raw 2>/dev/null |
            awk '{ line[NR] = $0; value[line[NR - 1]] = $0 }
                 END { if (value["config-epoch"] != "") print value["config-epoch"], line[NR - 1], value["num-slaves"] }'
    done
}

tries=0
while :; do
    answers=$(ask | sort -n)
    count=$(echo "$answers" | grep -c . || true)
    best=$(echo "$answers" | tail -1)
    master=$(echo "$best" | cut -d' ' -f2)
    replicas=$(echo "$best" | cut -d' ' -f3)
    [ -n "$me" ] || break
    if [ "$count" -ge "$majority" ]; then
        if [ "$master" != "$me" ] || [ "${replicas:-0}" -eq 0 ] || [ -e /data/appendonlydir ]; then break; fi
        echo "this volume is empty and there are replicas: waiting until one of them is the master" >&2
    else
        echo "$count of $# Sentinels answer, $majority are needed" >&2
    fi
    tries=$((tries + 1))
    [ $tries -lt 60 ] || exit 1
    sleep 1
done
echo "$master"
