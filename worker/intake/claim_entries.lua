#!lua flags=allow-oom
-- Takes entries over from a consumer that is gone, only if its heartbeat is still the one that was seen: one rescuer
-- wins, and a worker that came back is left alone.
-- KEYS: stream, workers
-- ARGV: group, me, owner, heartbeat seen or "", most entries to take
-- Answers entry, delivery count, fields for each entry taken.
local stream, group, me, owner = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if (redis.call('HGET', KEYS[2], owner) or '') ~= ARGV[4] then return {} end
local pending = redis.call('XPENDING', stream, group, '-', '+', ARGV[5], owner)
if #pending == 0 then return {} end
local ids, deliveries = {}, {}
for i, entry in ipairs(pending) do
    ids[i] = entry[1]
    deliveries[entry[1]] = entry[4] + 1
end
local answer = {}
for _, entry in ipairs(redis.call('XCLAIM', stream, group, me, 0, unpack(ids))) do
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = deliveries[entry[1]]
    answer[#answer + 1] = entry[2]
end
return answer
