#!/bin/sh
# Starts a Sentinel. What it has learnt lies on the volume; a new one asks the others, and begins with the first Redis.
set -eu
umask 077
me=$POD_NAME.$REDIS_DOMAIN
conf=/data/sentinel.conf
changing='^sentinel (auth-user|auth-pass|down-after-milliseconds|failover-timeout) '

if [ -s "$conf" ]; then
    grep -vE "$changing" "$conf" >"$conf.new"
else
    master=$(sh /etc/soc-redis/find-master.sh)
    cat >"$conf.new" <<END
port 26379
bind * -::*
protected-mode no
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $me
sentinel monitor soc-master ${master:-${REDIS_PODS%%,*}} 6379 $SENTINEL_QUORUM
END
fi
cat >>"$conf.new" <<END
sentinel auth-user soc-master default
sentinel auth-pass soc-master $REDIS_ADMIN_PASSWORD
sentinel down-after-milliseconds soc-master $SENTINEL_DOWN_AFTER_MS
sentinel failover-timeout soc-master $SENTINEL_FAILOVER_TIMEOUT_MS
END
mv "$conf.new" "$conf"
exec redis-server "$conf" --sentinel
