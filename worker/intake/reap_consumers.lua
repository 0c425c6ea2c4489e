#!lua flags=allow-oom
-- Removes workers that are gone: heartbeats that are still the ones that were seen, then consumers without a heartbeat
-- and with nothing pending, since DELCONSUMER would destroy that. Listing consumers costs in their number, so one
-- worker does it while the lease holds, and a bounded number goes at a time.
-- KEYS: stream, workers, lease
-- ARGV: group, me, lease ms, most consumers to remove, then name and heartbeat of each dead worker
-- Answers how many consumers went.
local stream, workers, lease = KEYS[1], KEYS[2], KEYS[3]
local group, most, removed = ARGV[1], tonumber(ARGV[4]), 0
for a = 5, #ARGV, 2 do
    if redis.call('HGET', workers, ARGV[a]) == ARGV[a + 1] then redis.call('HDEL', workers, ARGV[a]) end
end
if not redis.call('SET', lease, ARGV[2], 'NX', 'PX', ARGV[3]) then return 0 end
local beating = {}
for _, name in ipairs(redis.call('HKEYS', workers)) do beating[name] = true end
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    if row[4] == 0 and not beating[row[2]] and removed < most then
        redis.call('XGROUP', 'DELCONSUMER', stream, group, row[2])
        removed = removed + 1
    end
end
if removed == most then redis.call('PEXPIRE', lease, 200) end -- there are more
return removed
