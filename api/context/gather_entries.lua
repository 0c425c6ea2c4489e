#!lua
-- Adds entries to those that an import gathers. They go by themselves when the import dies.
-- KEYS: the gathered entries. ARGV: seconds to live, then entry and score of each.
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
