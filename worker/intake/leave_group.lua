#!lua flags=allow-oom
-- A worker leaves the group, heartbeat and all: only when nothing is pending for it, since DELCONSUMER would destroy
-- that. With something pending its heartbeat goes all the same, so that others soon take it over.
-- KEYS: stream, workers
-- ARGV: group, consumer
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
redis.call('HDEL', KEYS[2], ARGV[2])
if #pending > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
