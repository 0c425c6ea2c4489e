#!lua flags=allow-oom
-- Takes entries over from a consumer that is gone, only if its heartbeat is still the one that was seen: one rescuer
-- wins, and a worker that came back is left alone.
-- KEYS: stream, workers
-- ARGV: group, me, owner, heartbeat seen or "", most entries to take
-- Those delivered once go together; one that two workers had without a result is taken alone, so that a
-- poisonous entry is soon by itself.
-- Answers entry, delivery count, fields for each entry taken.
local stream, group, me, owner = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if (redis.call('HGET', KEYS[2], owner) or '') ~= ARGV[4] then return {} end
local pending = redis.call('XPENDING', stream, group, '-', '+', ARGV[5], owner)
if #pending == 0 then return {} end
local ids, deliveries = {}, {}
for _, entry in ipairs(pending) do
    if entry[4] < 2 then
        ids[#ids + 1] = entry[1]
        deliveries[entry[1]] = entry[4] + 1
    end
end
if #ids == 0 then
    ids[1] = pending[1][1]
    deliveries[ids[1]] = pending[1][4] + 1
end
local answer = {}
for _, entry in ipairs(redis.call('XCLAIM', stream, group, me, 0, unpack(ids))) do
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = deliveries[entry[1]]
    answer[#answer + 1] = entry[2]
end
return answer
