#!lua flags=allow-oom
-- Forgets finished threats: record, index entry, and by an `expired` row every catalog's row, together. One that is
-- pending stays. Age is judged here, by Redis' clock and by what the customer's record says at this instant: whoever
-- asks may have an older word of either. One without a record, or with a key of another type, is forgotten too.
-- KEYS: by_created, log, then for each threat its key and its customer's
-- ARGV: common retention in ms (0: for ever), then for each threat its id, and created_ms, or "" when it goes by number
-- Answers how many records were forgotten, and how many stayed because they are not old enough.
local DAY_MS, OWN_MAX = 86400000, 3650
local common = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local retentions = {}
local function retention_of(customer)
    if not retentions[customer] then
        local own = redis.pcall('HGET', customer, 'retention_days')
        local days = type(own) == 'string' and string.match(own, '^%d+$') and tonumber(own) or 0
        retentions[customer] = days >= 1 and days <= OWN_MAX and days * DAY_MS or common
    end
    return retentions[customer]
end

local function is_old(created, customer)
    local retention = retention_of(customer)
    return retention ~= 0 and tonumber(created) < now - retention
end

local gone, ids, forgotten, young = {}, {}, 0, 0
for a = 2, #ARGV, 2 do
    local id, created, key, customer = ARGV[a], ARGV[a + 1], KEYS[a + 1], KEYS[a + 2]
    local finished = redis.pcall('HEXISTS', key, 'data')
    local there = finished == 1 or (finished == 0 and redis.call('EXISTS', key) == 1)
    if there and created ~= '' and not is_old(created, customer) then
        young = young + 1
    elseif finished ~= 0 or not there then
        if there then forgotten = forgotten + 1 end
        gone[#gone + 1] = key
        ids[#ids + 1] = id
    end
end
if #ids > 0 then
    redis.call('ZREM', KEYS[1], unpack(ids))
    for i, id in ipairs(ids) do
        redis.call('XADD', KEYS[2], '*', 'kind', 'expired', 'id', id, 'row', '')
        redis.call('DEL', gone[i])
    end
end
return {forgotten, young}
