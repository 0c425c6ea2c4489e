#!/bin/sh
# Before a Redis is stopped: a master hands over to a replica, so that nobody waits until it is missed. The Sentinel beside it
# is being stopped as well, so another one conducts that.
me=$POD_NAME.$REDIS_DOMAIN

hand_over() {
    for pod in $(echo "$REDIS_PODS" | tr , ' '); do
        [ "$pod" = "$me" ] && continue
        told=$(env -u REDISCLI_AUTH timeout 2 redis-cli -h "$pod" -p 26379 sentinel failover soc-master)
        [ "$told" = OK ] && return
    done
    return 1
}

if [ "$(redis-cli --raw role | head -1)" != master ] || ! hand_over; then exit 0; fi
tries=0
while [ "$(sh /etc/soc-redis/find-master.sh)" = "$me" ] && [ $tries -lt 20 ]; do
    tries=$((tries + 1))
    sleep 0.5
done
