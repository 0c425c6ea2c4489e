#!lua flags=allow-oom
-- Moves one entry to the dead letters, only if this consumer still owns it at this delivery.
-- KEYS: stream, dead, log, then the threat key and by_created when the entry names a threat
-- ARGV: group, consumer, entry, deliveries, reason, stage, now_ms, signal or "", id or "", created_ms, record, row
local stream = KEYS[1]
local group, consumer, entry, deliveries = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local pending = redis.call('XPENDING', stream, group, entry, entry, 1)
if #pending == 0 then return 'GONE' end
if pending[1][2] ~= consumer or tostring(pending[1][4]) ~= deliveries then return 'FENCED' end
local letter = {'reason', ARGV[5], 'stage', ARGV[6], 'deliveries', deliveries, 'entry', entry, 'at', ARGV[7]}
if ARGV[8] ~= '' then
    letter[#letter + 1] = 'signal'
    letter[#letter + 1] = ARGV[8]
end
if ARGV[9] ~= '' then
    letter[#letter + 1] = 'id'
    letter[#letter + 1] = ARGV[9]
    redis.call('HSET', KEYS[4], 'data', ARGV[11])
    redis.call('ZADD', KEYS[5], ARGV[10], ARGV[9])
    redis.call('XADD', KEYS[3], '*', 'kind', 'failed', 'id', ARGV[9], 'row', ARGV[12])
end
redis.call('XADD', KEYS[2], '*', unpack(letter))
redis.call('XACK', stream, group, entry)
return 'OK'
