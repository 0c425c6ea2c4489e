#!lua flags=allow-oom
-- One step of a walk over all keys: histories whose last threat is older than anything that is kept are forgotten,
-- but for those that hold an imported incident: it would never be counted again.
-- KEYS: incidents
-- ARGV: cursor, pattern of the histories' keys, keys to walk, ms before which a history is old
-- Answers the next cursor ("0" at the end), and how many were forgotten.
local function holds_an_incident(text)
    for id in string.gmatch(text, '|(%S+) [^|]*_positive') do
        if redis.call('HEXISTS', KEYS[1], id) == 1 then return true end
    end
    return false
end

local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3], 'TYPE', 'string')
if #found[2] == 0 then return {found[1], 0} end
local old = {}
for i, text in ipairs(redis.call('MGET', unpack(found[2]))) do
    local last = string.match(text or '', '^%d+ %d+ %d+ %d+ (%d+)')
    if last and tonumber(last) < tonumber(ARGV[4]) and not holds_an_incident(text) then old[#old + 1] = found[2][i] end
end
if #old > 0 then redis.call('DEL', unpack(old)) end
return {found[1], #old}
