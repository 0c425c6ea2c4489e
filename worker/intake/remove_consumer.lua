#!lua flags=allow-oom
-- Removes a consumer that is gone, heartbeat and all: only when nothing is pending for it, since DELCONSUMER
-- would destroy that, and only if its heartbeat is still the one that was seen.
-- KEYS: stream, workers
-- ARGV: group, consumer, heartbeat seen, or "" for "none", or "*" for any
if ARGV[3] ~= '*' and (redis.call('HGET', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return 0 end
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
    if consumer[2] == ARGV[2] then
        if consumer[4] ~= 0 then return 0 end
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    end
end
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
