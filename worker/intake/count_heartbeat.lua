#!lua flags=allow-oom
-- A worker is alive, also while Redis is full: HINCRBY alone would be refused, and the others would take from it.
-- KEYS: workers
-- ARGV: me
return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
