#!lua flags=allow-oom
-- Takes the lease, or keeps it: whoever holds it goes on until it is silent for that long.
-- KEYS: lease
-- ARGV: me, lease ms
-- Answers Redis' clock in ms, or 0 when somebody else holds it.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
