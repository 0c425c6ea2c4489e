#!lua flags=allow-oom
-- Some of the customers' ids. They are indexed by a set, which holds "" once it is whole: a Redis that has none yet, of an
-- earlier version or filled by others, is searched for records key by key, once.
-- KEYS: the index. ARGV: what was answered before, "" at the beginning; the pattern of the records' keys; how many bytes of a
-- key come before the id.
-- Answers what to send next, "" at the end, and ids: one may come twice, or be of a record that is gone.
local index, last, pattern, head = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local COUNT = 1000
local whole = string.sub(last, 1, 1) == 'i' or (last == '' and redis.call('SISMEMBER', index, '') == 1)
local cursor, mark, found, ids = last == '' and '0' or string.sub(last, 2), whole and 'i' or 'k', nil, {}
if whole then
    found = redis.call('SSCAN', index, cursor, 'COUNT', COUNT)
    for _, id in ipairs(found[2]) do
        if id ~= '' then ids[#ids + 1] = id end
    end
else
    found = redis.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', COUNT)
    for _, key in ipairs(found[2]) do
        local id = string.sub(key, head + 1)
        if id ~= '' then
            ids[#ids + 1] = id
            redis.call('SADD', index, id)
        end
    end
    if found[1] == '0' then redis.call('SADD', index, '') end
end
return {found[1] == '0' and '' or mark .. found[1], ids}
