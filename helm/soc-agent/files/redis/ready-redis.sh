#!/bin/sh
# Ready is who has loaded its file and, as a replica, follows its master: only then may the next one be stopped.
redis-cli -e ping >/dev/null || exit 1
role=$(redis-cli -e --raw role | sed -n '1p;4p' | tr '\n' ' ')
case $role in master* | 'slave connected ') ;; *) exit 1 ;; esac
