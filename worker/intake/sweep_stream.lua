#!lua flags=allow-oom
-- Sweeps what trimming cannot reach: one old pending entry pins all that is acknowledged behind it. One window at a time
-- is looked at, from where the last look ended; in it goes what is finished and below the last delivered entry, so that
-- XINFO's lag stays true. What the group passed over is neither pending nor finished: its record says so. Only for whom
-- the lease is that trims.
-- KEYS: stream, lease, where the last look ended
-- ARGV: group, me, entries to look at, finished entries that may stay, what the threats' keys begin with
-- Answers 1 when there is more to look at, 0 when there is nothing to do now, -1 when somebody else has the lease.
local stream, sweep, window = KEYS[1], KEYS[3], tonumber(ARGV[3])
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return -1 end

-- include shared/redis/awaited_entry.lua.in

local group = {}
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    group = by_name(row)
    if group.name ~= ARGV[1] then return 0 end
end
if not group.lag or redis.call('XLEN', stream) - group.lag - group.pending <= tonumber(ARGV[4]) then return 0 end

local from = redis.call('GET', sweep)
local entries = redis.call('XRANGE', stream, from and '(' .. from or '-', '(' .. group['last-delivered-id'], 'COUNT', window)
local more = #entries == window
if not more then redis.call('DEL', sweep) end
if #entries == 0 then return 0 end
local first, last = entries[1][1], entries[#entries][1]
if more then redis.call('SET', sweep, last) end

local pending = {}
for _, entry in ipairs(redis.call('XPENDING', stream, ARGV[1], first, last, 1000000)) do pending[entry[1]] = true end

local done = {}
for _, entry in ipairs(entries) do
    if not pending[entry[1]] and not is_awaited(ARGV[5], entry[1], entry[2]) then done[#done + 1] = entry[1] end
end
if #done > 0 then redis.call('XDEL', stream, unpack(done)) end
return more and 1 or 0
