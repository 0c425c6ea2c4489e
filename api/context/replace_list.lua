#!lua
-- Puts what an import gathered in the place of a list, or removes the list, and tells the workers.
-- KEYS: the gathered entries, the list, the lists' records, the context's log.
-- ARGV: the list's name, its record; without a record: remove. Answers 1 when something changed.
-- UNLINK frees a large list without holding Redis up, which RENAME over it would.
local changed
if #ARGV == 1 then
    changed = redis.call('HDEL', KEYS[3], ARGV[1]) + redis.call('UNLINK', KEYS[2])
else
    changed = redis.call('EXISTS', KEYS[1])
    if changed == 1 then
        redis.call('UNLINK', KEYS[2])
        redis.call('RENAME', KEYS[1], KEYS[2])
        redis.call('PERSIST', KEYS[2])
        redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
    end
end
if changed > 0 then
    redis.call('XADD', KEYS[4], 'MAXLEN', '~', '10000', '*', 'kind', 'intel', 'id', ARGV[1])
end
return changed > 0 and 1 or 0
