#!lua flags=allow-oom
-- Hands entries over to a consumer that does not exist, as if they had not been delivered this time: only those that
-- we still own at this delivery.
-- KEYS: stream
-- ARGV: group, me, holder, then entry and deliveries of each
-- Answers how many were handed over.
local stream, group, me, holder, released = KEYS[1], ARGV[1], ARGV[2], ARGV[3], 0
for a = 4, #ARGV, 2 do
    local entry, deliveries = ARGV[a], ARGV[a + 1]
    local pending = redis.call('XPENDING', stream, group, entry, entry, 1)[1]
    if pending and pending[2] == me and tostring(pending[4]) == deliveries then
        local handed = redis.call('XCLAIM', stream, group, holder, 0, entry, 'IDLE', 86400000, 'RETRYCOUNT', deliveries - 1, 'JUSTID')
        released = released + #handed
    end
end
return released
