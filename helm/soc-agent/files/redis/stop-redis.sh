#!/bin/sh
# Before a Redis is stopped: a master hands over to a replica, so that nobody waits until it is missed.
is_master() { [ "$(redis-cli --raw role | head -1)" = master ]; }

is_master || exit 0
env -u REDISCLI_AUTH redis-cli -p 26379 sentinel failover soc-master
tries=0
while is_master && [ $tries -lt 20 ]; do
    tries=$((tries + 1))
    sleep 0.5
done
