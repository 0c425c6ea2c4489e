#!/bin/sh
# Before a Redis is stopped: a master hands over to a replica, so that nobody waits until it is missed. It takes no writes from
# then on: what it took after the replica's promotion would be lost, confirmed by the other replica or not. The Sentinel beside
# it is being stopped as well, so another one conducts the failover.
me=$POD_NAME.$REDIS_DOMAIN

# By all others, and they have all it has: a Sentinel may choose one that is just being attached again. ROLE tells its own
# offset, then address, port and offset of each.
is_followed() {
    others=$(echo "$REDIS_PODS" | tr -cd , | wc -c)
    redis-cli --raw role | awk -v others="$others" 'NR == 2 { own = $0 } NR > 2 && NR % 3 == 2 && $0 == own { level++ } END { exit level < others }'
}

wait_for() { # command…: at most ten seconds
    tries=0
    until "$@" || [ $tries -ge 50 ]; do
        tries=$((tries + 1))
        sleep 0.2
    done
}

hand_over() {
    for pod in $(echo "$REDIS_PODS" | tr , ' '); do
        [ "$pod" = "$me" ] && continue
        told=$(env -u REDISCLI_AUTH timeout 2 redis-cli -h "$pod" -p 26379 sentinel failover soc-master)
        [ "$told" = OK ] && return
    done
    return 1
}

is_handed_over() { [ "$(sh /etc/soc-redis/find-master.sh)" != "$me" ]; }

[ "$(redis-cli --raw role | head -1)" = master ] || exit 0
redis-cli client pause 30000 write
wait_for is_followed
if hand_over; then wait_for is_handed_over; fi
