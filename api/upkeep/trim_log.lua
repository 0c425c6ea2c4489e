#!lua flags=allow-oom
-- Cuts rows off the log's head that nobody needs who reads it from its start: rows of threats that are gone, and rows
-- that a later row of the same threat has made old. It stops at the first row that is needed, but when the log is much
-- longer than what lives: then such rows are written again at its end, so that a few long-lived threats do not pin it.
-- The last row always stays, readers know the log by it, and so do young rows: a reader that is a little behind finds
-- the row it stands at.
-- KEYS: log, by_created
-- ARGV: what stands before a threat's id in its key, most rows to look at, how many threats live as far as who asks knows, ms
-- from which on a row is young
-- Answers rows cut, and 1 when more may be cut.
local log, before, most, living = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local young = tonumber(ARGV[4])
local length = redis.call('XLEN', log)
if length < 2 then return {0, 0} end
local rewrite = length > 3 * math.max(living, redis.call('ZCARD', KEYS[2])) + 1000 -- who asks may be far behind

local function field(fields, name)
    for i = 1, #fields, 2 do
        if fields[i] == name then return fields[i + 1] end
    end
    return ''
end

-- Only a failed threat is ever analysed again, so only its status may have become another one.
local function has_failed(key)
    local read, record = pcall(cjson.decode, redis.call('HGET', key, 'data'))
    return not read or type(record) ~= 'table' or record.status == 'failed'
end

-- Asked once for all rows of a threat.
local stages = {}
local function stage_of(key)
    if not stages[key] then
        local finished = redis.pcall('HEXISTS', key, 'data') -- an error: a key of another type
        local waits = finished == 0 and redis.call('EXISTS', key) == 1
        stages[key] = finished == 1 and 'finished' or (waits and 'waits' or 'gone')
    end
    return stages[key]
end

-- Is what the row says of the threat's status what the record says? False when there is no record.
local function says_the_truth(key, said)
    local stage = stage_of(key)
    if stage ~= 'finished' then return stage == 'waits' and said == 'pending' end
    return said == 'completed' or (said == 'failed' and has_failed(key))
end

local function verdict_in(key)
    local word = string.match(redis.call('HGET', key, 'verdict') or '', '^{"verdict":"([a-z_]+)"')
    return (word == 'false_positive' or word == 'true_positive') and word or 'none'
end

local FIVE = '^(%S+ %S+ %S+ %S+ )(%S+)( %S+ %S+ %S+ )(%S+)( .*)$'

-- The row as it has to be written again; nil when it is not needed. What cannot be read is not judged.
local function needed(fields)
    if field(fields, 'kind') == 'expired' then return nil end
    local key, text = before .. field(fields, 'id'), field(fields, 'row')
    local head, said, middle, _, tail = string.match(text, FIVE)
    if not said then return stage_of(key) ~= 'gone' and text or nil end
    if not says_the_truth(key, said) then return nil end
    return head .. said .. middle .. verdict_in(key) .. tail
end

local cut, last = 0, nil
for _, row in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', math.min(most, length - 1))) do
    if tonumber(string.match(row[1], '^%d+')) >= young then break end
    local text = needed(row[2])
    if text then
        if not rewrite then break end
        redis.call('XADD', log, '*', 'kind', 'updated', 'id', field(row[2], 'id'), 'row', text, 'again', '1')
    end
    cut = cut + 1
    last = row[1]
end
if cut == 0 then return {0, 0} end
local ms, sequence = string.match(last, '^(%d+)-(%d+)$')
redis.call('XTRIM', log, 'MINID', ms .. '-' .. string.format('%.0f', sequence + 1))
return {cut, cut == most and 1 or 0}
