#!lua flags=allow-oom
-- Moves one entry to the dead letters, only if this consumer still owns it at this delivery.
-- KEYS, ARGV: those of bury.lua.in, then entry, deliveries, reason, stage, detail or "", "1" when the signal is readable
-- Answers OK, GONE or FENCED, and how many older letters fell out.
-- include shared/redis/bury.lua.in
local entry, deliveries = ARGV[6], ARGV[7]
local pending = redis.call('XPENDING', stream, group, entry, entry, 1)
if #pending == 0 then return {'GONE', 0} end
if pending[1][2] ~= consumer or tostring(pending[1][4]) ~= deliveries then return {'FENCED', 0} end
return {'OK', bury(entry, deliveries, ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1')}
