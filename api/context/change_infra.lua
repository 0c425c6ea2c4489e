#!lua
-- Writes infra events, or removes one, and tells the workers.
-- KEYS: the events, the context's log. ARGV: id and JSON of each event; or an id alone: remove.
-- Answers how many events are new, or were removed.
local changed
if #ARGV == 1 then
    changed = redis.call('HDEL', KEYS[1], ARGV[1])
else
    changed = redis.call('HSET', KEYS[1], unpack(ARGV))
end
if #ARGV > 1 or changed > 0 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', '10000', '*', 'kind', 'infra', 'id', ARGV[1])
end
return changed
