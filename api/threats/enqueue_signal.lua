#!lua
-- Takes a batch of validated signals: stream entry, pending record and log row of each, or nothing of it.
-- Without allow-oom on purpose: out of memory refuses the batch before its first write.
-- KEYS: stream, log, then for each signal its threat key and, when it has one, its idempotency key
-- ARGV: for each signal: id, signal, received_at, traceparent or "", row, and "" without idempotency key, "1" with
-- one, "2" when replicas must confirm
-- Answers for each signal 0, or the id that its idempotency key had before. That one was perhaps written through
-- another connection: with "2" its key is written again, as it is, so that this connection's WAIT speaks for it.
local stream, log = KEYS[1], KEYS[2]
local answers, k = {}, 3
for a = 1, #ARGV, 6 do
    local id, signal, received, trace, row, keyed = ARGV[a], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 5]
    local threat, earlier = KEYS[k], false
    k = k + 1
    if keyed ~= '' then
        earlier = redis.call('GET', KEYS[k])
        if earlier and keyed == '2' then
            redis.call('SET', KEYS[k], earlier, 'KEEPTTL')
        end
        k = k + 1
    end
    if not earlier then
        -- The row first: an entry that was taken back would make Redis' lag wrong, and be missed by the account.
        local told = redis.call('XADD', log, '*', 'kind', 'created', 'id', id, 'row', row)
        local entry
        if trace == '' then
            entry = redis.pcall('XADD', stream, '*', 'v', '1', 'id', id, 'signal', signal, 'received_at', received)
        else
            entry = redis.pcall('XADD', stream, '*', 'v', '1', 'id', id, 'signal', signal, 'received_at', received,
                                'traceparent', trace)
        end
        if type(entry) == 'table' then -- the stream is no stream
            redis.call('XDEL', log, told)
            return entry
        end
        -- A trace that is kept (flags 01) is in the record too: who announces the threat goes on with it.
        if string.sub(trace, -2) == '01' then
            redis.call('HSET', threat, 'entry', entry, 'trace', trace)
        else
            redis.call('HSET', threat, 'entry', entry)
        end
        if keyed ~= '' then
            redis.call('SET', KEYS[k - 1], id, 'EX', 86400)
        end
    end
    answers[#answers + 1] = earlier or 0
end
return answers
