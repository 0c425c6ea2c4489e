#!lua flags=allow-oom
-- Forgets finished threats: record, index entry, and by an `expired` row every catalog's row, together. One that is
-- pending stays. One whose record is gone already is forgotten by index and catalogs too.
-- KEYS: by_created, log, then the threats' keys
-- ARGV: the threats' ids
-- Answers how many records were forgotten.
local gone, ids, forgotten = {}, {}, 0
for i, id in ipairs(ARGV) do
    local key = KEYS[i + 2]
    local finished = redis.call('HEXISTS', key, 'data')
    if finished == 1 or redis.call('EXISTS', key) == 0 then
        forgotten = forgotten + finished
        gone[#gone + 1] = key
        ids[#ids + 1] = id
        redis.call('XADD', KEYS[2], '*', 'kind', 'expired', 'id', id, 'row', '')
    end
end
if #ids > 0 then
    redis.call('DEL', unpack(gone))
    redis.call('ZREM', KEYS[1], unpack(ids))
end
return forgotten
