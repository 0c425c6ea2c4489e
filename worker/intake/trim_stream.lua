#!lua flags=allow-oom
-- Trims what every consumer has acknowledged: below the oldest pending entry, or below the last delivered one
-- when nothing is pending. The last delivered entry itself stays, so that XINFO's lag stays true.
-- KEYS: stream, lease
-- ARGV: group, me, lease ms
if not redis.call('SET', KEYS[2], ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
local floor
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if group[2] ~= ARGV[1] then return 0 end
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
    floor = pending[1] > 0 and pending[2] or group[8]
end
if not floor then return 0 end
return redis.call('XTRIM', KEYS[1], 'MINID', floor)
