#!lua flags=allow-oom
-- Makes the consumer group when it is missing, from the stream's beginning: what was added before it is not lost, and
-- what was finished before is only acknowledged. Sees to it that the account has a beginning:
-- received (the stream's entries-added) = completed + failed + outstanding.
-- KEYS: stream, completed, failed
-- ARGV: group, what the threats' keys begin with
-- Answers 1 when the group was made, 0 when it was there.
local stream, completed, failed, group, threat_keys = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]
local LOOK, LOOKS = 1000, 10
local is_new = redis.call('EXISTS', stream) == 0
local made = redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
local was_there = type(made) == 'table' and made.err and string.sub(made.err, 1, 9) == 'BUSYGROUP'
if type(made) == 'table' and made.err and not was_there then return made end

-- include shared/redis/by_name.lua.in

local function begin(finished)
    redis.call('MSET', completed, string.format('%.0f', math.max(0, finished)), failed, 0)
end

-- Entries are finished about in their order, so those behind the last look are not.
local function finished_in_stream()
    local finished, from = 0, '-'
    for _ = 1, LOOKS do
        local rows = redis.call('XRANGE', stream, from, '+', 'COUNT', LOOK)
        for _, row in ipairs(rows) do
            local there = redis.pcall('HEXISTS', threat_keys .. (by_name(row[2]).id or ''), 'data')
            if there == 1 then finished = finished + 1 end
        end
        if #rows < LOOK then break end
        from = '(' .. rows[LOOK][1]
    end
    return finished
end

local whole = by_name(redis.call('XINFO', 'STREAM', stream))
local counts = redis.call('MGET', completed, failed)
local counted = tonumber(counts[1] or '')
if is_new then
    begin(0)
elseif not was_there and whole['entries-added'] == whole.length then
    -- Nothing ever left this stream, so it can itself be counted. The account may be that of a stream that was deleted.
    local finished = finished_in_stream()
    if not counted or finished ~= counted + (tonumber(counts[2] or '') or 0) then begin(finished) end
elseif not counted then
    -- An account that begins with a stream in use: what is neither unread nor pending was finished.
    for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
        local own = by_name(row)
        if own.name == group then
            begin(whole['entries-added'] - (own.lag and own.lag + own.pending or whole.length))
        end
    end
end
return was_there and 0 or 1
