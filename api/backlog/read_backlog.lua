#!lua flags=no-writes,allow-oom
-- The queue at one instant. A stream or a group that does not exist is an empty one.
-- KEYS: stream, dead, workers, completed, failed
-- ARGV: group, how many consumers to name at most
-- Answers names and values: now_ms; length, added, last_generated of the stream; oldest_waiting_ms, an age, absent
-- when nothing waits; completed, failed (absent when nobody counts); dead; and, when there is a group: lag (absent when
-- Redis does not know), unread (the entries behind the group's position, absent when they cannot be counted cheaply),
-- pending, last_delivered, consumers, oldest_pending_ms, and `named`: name, pending, idle ms, 1 with a heartbeat, for
-- each consumer that is named, those with pending entries first.
local stream, dead, workers = KEYS[1], KEYS[2], KEYS[3]
local group, most = ARGV[1], tonumber(ARGV[2])
local answer = {}
local COUNT_MAX = 100

local function tell(name, value)
    if value == nil or value == false then return end
    answer[#answer + 1] = name
    answer[#answer + 1] = value
end

-- include shared/redis/by_name.lua.in

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- By its id, or by the time that the API wrote into it when the stream's clock is ahead.
local function age_of(entry)
    local ms = tonumber(string.match(entry, '^%d+'))
    if ms > now then
        local found = redis.call('XRANGE', stream, entry, entry)
        ms = found[1] and tonumber(by_name(found[1][2] or {}).received_at) or now
    end
    return math.max(0, now - ms)
end

tell('now_ms', now)
local counts = redis.call('MGET', KEYS[4], KEYS[5])
tell('completed', tonumber(counts[1] or ''))
tell('failed', tonumber(counts[2] or ''))
local letters = redis.pcall('XLEN', dead)
tell('dead', type(letters) == 'number' and letters or 0)
if redis.call('EXISTS', stream) == 0 then return answer end

local whole = by_name(redis.call('XINFO', 'STREAM', stream))
tell('length', whole.length)
tell('added', whole['entries-added'])
tell('last_generated', whole['last-generated-id'])
local own
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local named = by_name(row)
    if named.name == group then own = named end
end
local waiting = redis.call('XRANGE', stream, own and '(' .. own['last-delivered-id'] or '-', '+', 'COUNT', 1)
if waiting[1] then tell('oldest_waiting_ms', age_of(waiting[1][1])) end
if not own then return answer end

-- Whichever side of the group's position is short is counted; the other is the rest of the stream.
local function count_unread()
    local lag, last = own.lag or 0, own['last-delivered-id']
    local unread = redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', COUNT_MAX)
    if #unread < COUNT_MAX then return #unread end
    if whole.length - lag >= COUNT_MAX then return end
    local read = redis.call('XRANGE', stream, '-', last, 'COUNT', COUNT_MAX)
    if #read < COUNT_MAX then return whole.length - #read end
end

tell('lag', own.lag)
tell('unread', count_unread())
tell('pending', own.pending)
tell('last_delivered', own['last-delivered-id'])
tell('consumers', own.consumers)
if own.pending > 0 then tell('oldest_pending_ms', age_of(redis.call('XPENDING', stream, group)[2])) end
if most == 0 then return answer end

local busy, named = {}, {}
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = by_name(row)
    local side = consumer.pending > 0 and busy or named
    if #side < most then side[#side + 1] = consumer end
end
for _, consumer in ipairs(named) do
    if #busy < most then busy[#busy + 1] = consumer end
end
named = {}
for i, consumer in ipairs(busy) do
    local beat = redis.pcall('HEXISTS', workers, consumer.name)
    named[i] = {consumer.name, consumer.pending, consumer.idle, beat == 1 and 1 or 0}
end
tell('named', named)
return answer
