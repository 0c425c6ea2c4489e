#!lua flags=allow-oom
-- Takes entries over from a consumer that is gone, only if its heartbeat is still the one that was seen: one rescuer
-- wins, and a worker that came back is left alone.
-- KEYS: those of bury.lua.in, then workers, quarantine
-- ARGV: those of bury.lua.in, then owner, heartbeat seen or "", most entries to take, delivery limit, "1" when the
--       claimer's hands are empty, ms of a quarantine, newest version of entries that is understood
-- Those delivered once go together. One that two workers had without a result is a suspect: it goes alone, to a worker
-- with empty hands, and one worker of the fleet at a time does that. So only deliveries beyond the second are a
-- suspect's own, and past the limit it is buried here.
-- Answers what was done, entries that were gone, those buried (each entry, delivery count, reason, threat's id or "",
-- traceparent or ""), letters that fell out, then entry, delivery count, fields for each entry taken.
-- include shared/redis/bury.lua.in
local workers, quarantine = KEYS[6], KEYS[7]
local owner, heartbeat, most, limit, empty_handed, lease_ms, version =
    ARGV[6], ARGV[7], tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10] == '1', ARGV[11], tonumber(ARGV[12])
local LISTED, ENTRY_MAX = 256, 131072
local gone, buried, dropped = 0, {}, 0

local function is_newer(fields)
    local v = string.match(fields.v or '', '^[1-9]%d*$')
    return v ~= nil and #v <= 9 and tonumber(v) > version
end

-- The record of the threat whose entry this is, or nothing.
local function record_of(entry, fields)
    local id = threat_id(fields)
    if not id then return end
    local said = redis.pcall('HGET', threat_keys .. id, 'entry')
    if said == entry then return threat_keys .. id end
end

-- What its span needs, in forms that leave an entry no choice of bytes.
local function note_buried(entry, deliveries, reason, fields)
    local traceparent = fields.traceparent or ''
    local known = #traceparent == 55 and string.match(traceparent, '^%x%x%-%x+%-%x+%-%x%x$')
    buried[#buried + 1] = {entry, deliveries, reason, threat_id(fields) or '', known or ''}
end

local function bury_poison(entry, deliveries, fields)
    local record = record_of(entry, fields)
    local stage = record and redis.call('HGET', record, 'stage') or 'analyze'
    note_buried(entry, deliveries, 'poison', fields)
    dropped = dropped + bury(entry, deliveries, 'poison', stage, '', record ~= nil)
end

local function bytes_of(fields)
    local bytes = 0
    for _, text in ipairs(fields) do bytes = bytes + #text end
    return bytes
end

-- An entry that is too large for any of ours is never sent to a worker.
local function take(entries, answer)
    local ids, deliveries = {}, {}
    for i, entry in ipairs(entries) do
        ids[i], deliveries[entry[1]] = entry[1], entry[4] + 1
    end
    local taken = redis.call('XCLAIM', stream, group, consumer, 0, unpack(ids))
    gone = gone + #ids - #taken
    for _, entry in ipairs(taken) do
        local fields, bytes = by_name(entry[2]), bytes_of(entry[2])
        if bytes > ENTRY_MAX and not is_newer(fields) then
            note_buried(entry[1], deliveries[entry[1]], 'too_large', fields)
            dropped = dropped + bury(entry[1], deliveries[entry[1]], 'too_large', 'read', bytes .. ' bytes', false)
        else
            answer[#answer + 1] = entry[1]
            answer[#answer + 1] = deliveries[entry[1]]
            answer[#answer + 1] = entry[2]
        end
    end
end

local function take_alone(suspect, answer)
    local holder = redis.call('GET', quarantine)
    if holder and holder ~= consumer then return 'BUSY' end
    redis.call('SET', quarantine, consumer, 'PX', lease_ms)
    if not empty_handed then return 'WAIT' end
    local record = record_of(suspect[1], fields_of(suspect[1]) or {})
    if record then redis.call('HSET', record, 'stage', 'read') end
    take({suspect}, answer)
    return 'ALONE'
end

if (redis.call('HGET', workers, owner) or '') ~= heartbeat then return {'NOTHING', 0, 0, 0} end
local once, suspect, taken = {}, nil, {}
for _, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', LISTED, owner)) do
    local fields = entry[4] >= limit and fields_of(entry[1])
    if fields and not is_newer(fields) then
        bury_poison(entry[1], entry[4], fields)
    elseif entry[4] >= 2 then
        if not suspect or entry[4] < suspect[4] then suspect = entry end
    elseif #once < most then
        once[#once + 1] = entry
    end
end
local word = #buried > 0 and 'TAKEN' or 'NOTHING'
if #once > 0 then
    take(once, taken)
    word = 'TAKEN'
elseif suspect then
    word = take_alone(suspect, taken)
end
return {word, gone, buried, dropped, unpack(taken)}
