#!/bin/sh
# Before a Redis is stopped: a master hands over to a replica, so that nobody waits until it is missed. Only to others that all
# follow it: Sentinels choose among those they have met, and one that is back under a new address may be the one that has the
# data, while one they know is still looking for its master. When some do not follow, Sentinels choose after it is gone.
# It takes no writes from then on: what it took after the replica's promotion would be lost, confirmed by the other replica or
# not. The Sentinel beside it is being stopped as well, so another one conducts the failover.
me=$POD_NAME.$REDIS_DOMAIN
others=$(echo "$REDIS_PODS" | tr -cd , | wc -c)
readonly pause_ms=30000

# ROLE tells a master's own offset, then address, port and offset of each that follows.
count_followers() { # in all; "level": of those that have everything
    redis-cli --raw role |
        awk -v which="$1" 'NR == 2 { own = $0 } NR > 2 && NR % 3 == 2 && (which != "level" || $0 == own) { found++ } END { print found + 0 }'
}

all_follow() { [ "$(count_followers in_all)" -ge "$others" ]; }

all_are_level() { [ "$(count_followers level)" -ge "$others" ]; }

wait_for() { # seconds command…
    tries=$(($1 * 5))
    shift
    until "$@"; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
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
wait_for 30 all_follow || exit 0
redis-cli client pause $pause_ms write
wait_for 5 all_are_level || exit 0
if hand_over; then wait_for 10 is_handed_over; fi
