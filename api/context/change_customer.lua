#!lua
-- Replaces a customer's record, or removes it, and tells the workers.
-- KEYS: the record, the context's log, the index of customers. ARGV: id, then field and value of each field; none: remove.
-- Answers 1 when there was a record before, else 0.
redis.call(#ARGV > 1 and 'SADD' or 'SREM', KEYS[3], ARGV[1])
local existed = redis.call('EXISTS', KEYS[1])
if existed == 1 then
    redis.call('DEL', KEYS[1])
end
if #ARGV > 1 then
    redis.call('HSET', KEYS[1], unpack(ARGV, 2))
end
if existed == 1 or #ARGV > 1 then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', '10000', '*', 'kind', 'customer', 'id', ARGV[1])
end
return existed
