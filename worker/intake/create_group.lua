#!lua flags=allow-oom
-- Makes the consumer group when it is missing, from the stream's beginning: what was added before it is not lost, and
-- what was finished before is only acknowledged. Sees to it that the account has a beginning:
-- received (the stream's entries-added) = completed + failed + outstanding.
-- KEYS: stream, completed, failed
-- ARGV: group
-- Answers 1 when the group was made, 0 when it was there.
local stream, completed, failed, group = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
local is_new = redis.call('EXISTS', stream) == 0
local made = redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
local was_there = type(made) == 'table' and made.err and string.sub(made.err, 1, 9) == 'BUSYGROUP'
if type(made) == 'table' and made.err and not was_there then return made end
if not is_new and redis.call('EXISTS', completed) == 1 then return was_there and 0 or 1 end

local function pairs_of(list)
    local named = {}
    for i = 1, #list, 2 do named[list[i]] = list[i + 1] end
    return named
end

-- An account that begins with a stream in use: what is neither unread nor pending was finished.
local whole = pairs_of(redis.call('XINFO', 'STREAM', stream))
local finished = 0
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local own = pairs_of(row)
    if own.name == group then
        finished = whole['entries-added'] - (own.lag and own.lag + own.pending or whole.length)
    end
end
redis.call('MSET', completed, string.format('%.0f', math.max(0, finished)), failed, 0)
return was_there and 0 or 1
