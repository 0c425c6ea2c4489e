#!lua flags=no-writes
-- Is the log still the one that was read up to a position? One look at one instant: how many rows were ever added,
-- how many there are, the row at the position, and the rows behind it.
-- KEYS: log
-- ARGV: position, most rows
if redis.call('EXISTS', KEYS[1]) == 0 then return { 0, 0, {}, {} } end
local stream = {}
local told = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #told, 2 do stream[told[i]] = told[i + 1] end
return {
    stream['entries-added'],
    stream['length'],
    redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]),
    redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2]),
}
