#!lua flags=allow-oom
-- Trims what every consumer has acknowledged: below the oldest pending entry, or below the last delivered one
-- when nothing is pending. The last delivered entry itself stays, so that XINFO's lag stays true.
-- A group that was made, or moved, beyond entries that nobody finished has passed them over, and the account tells so.
-- Then nothing is trimmed before all of them are found: they become pending again, with a consumer from whom any
-- worker takes them.
-- A lag that is not 0 when all was delivered is wrong, and would stay so: Redis counts on from what it has. A promoted
-- replica can begin with such a count, and so does a group whose unread entries somebody trimmed.
-- KEYS: stream, lease, completed, failed
-- ARGV: group, me, lease ms, what the threats' keys begin with, who holds what is taken back; then as the last answer
--       told them: what was unaccounted for, and where the look ended
-- Answers how many were trimmed and taken back, what is unaccounted for ("" when Redis does not know), where the
-- look ended ("" when it is through), and the lag that was set right (0: none was). Nothing when another holds the
-- lease or trimming is not ours to do.
local stream, lease = KEYS[1], KEYS[2]
local group, threat_keys, holder, expected, looked_to = ARGV[1], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local LOOK = 2000
local LOOK_AGAIN_MS = 50

if not redis.call('SET', lease, ARGV[2], 'NX', 'PX', ARGV[3]) then return {} end

-- include shared/redis/awaited_entry.lua.in
-- include shared/redis/repair_lag.lua.in

local own
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    own = by_name(row)
    if own.name ~= group then return {} end
end
if not own then return {} end
local whole = by_name(redis.call('XINFO', 'STREAM', stream))

local function trim()
    local pending = redis.call('XPENDING', stream, group)
    return redis.call('XTRIM', stream, 'MINID', pending[1] > 0 and pending[2] or own['last-delivered-id'])
end

local function unaccounted()
    local counts = redis.call('MGET', KEYS[3], KEYS[4])
    local completed, failed = tonumber(counts[1] or ''), tonumber(counts[2] or '0')
    if not own.lag or not completed or not failed then return end
    return whole['entries-added'] - completed - failed - own.lag - own.pending
end

local function is_passed_over(entry, fields)
    return is_awaited(threat_keys, entry, fields) and #redis.call('XPENDING', stream, group, entry, entry, 1) == 0
end

local repaired = 0
if (own.lag or 0) ~= 0 and repair_lag(stream, own, whole) then repaired, own.lag = own.lag, 0 end
local odd = unaccounted()
local told = odd and string.format('%.0f', odd) or ''
if odd and told == expected and looked_to == '' then return {trim(), 0, told, '', repaired} end

local from = told == expected and looked_to ~= '' and '(' .. looked_to or '-'
local rows = redis.call('XRANGE', stream, from, own['last-delivered-id'], 'COUNT', LOOK)
local passed_over, taken = {}, 0
for _, row in ipairs(rows) do
    if is_passed_over(row[1], row[2]) then passed_over[#passed_over + 1] = row[1] end
end
if #passed_over > 0 then
    for _, word in ipairs({'IDLE', 86400000, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID'}) do
        passed_over[#passed_over + 1] = word
    end
    taken = #redis.call('XCLAIM', stream, group, holder, 0, unpack(passed_over))
    if odd then told = string.format('%.0f', odd - taken) end
end
if #rows == LOOK then
    redis.call('PEXPIRE', lease, LOOK_AGAIN_MS)
    return {0, taken, told, rows[#rows][1], repaired}
end
return {trim(), taken, told, '', repaired}
