#!/bin/sh
# Starts Redis with the passwords of its environment; with Sentinels, as what they say it is.
set -eu
umask 077
run=/run/soc-redis

# One Redis at a time on a volume: of a pod that was deleted by force the old one may live a little longer. redis-server keeps
# this file open.
exec 9>/data/lock
flock 9

# default is for operators, Sentinels and replicas; soc may do what the two programs do and no more.
cat >"$run/users.acl" <<END
user default on >$REDIS_ADMIN_PASSWORD ~* &* +@all
user soc on >$REDIS_PASSWORD ~* &* +@all -@admin -@dangerous +info +role +client|setname +client|id +client|unblock
END
cp /etc/soc-redis/redis.conf "$run/redis.conf"
if [ -n "${REDIS_PODS:-}" ]; then
    me=$POD_NAME.$REDIS_DOMAIN
    master=$(sh /etc/soc-redis/find-master.sh "$me")
    cat >>"$run/redis.conf" <<END
masteruser default
masterauth $REDIS_ADMIN_PASSWORD
replica-announce-ip $me
END
    [ "$master" = "$me" ] || echo "replicaof $master 6379" >>"$run/redis.conf"
    echo "the master is $master"
fi
exec redis-server "$run/redis.conf"
