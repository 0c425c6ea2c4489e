#!lua
-- Puts the signals of dead letters on the stream again under the ids they had, each only if its letter is still there
-- and its threat still failed: of two replays at once one wins. Without allow-oom on purpose, like what takes new ones.
-- KEYS: stream, log, dead, then for each letter its threat key
-- ARGV: for each letter: letter, id, signal, received_at, row
-- Answers for each OK, GONE (no such letter) or OTHER (the threat is not failed).
local stream, log, dead = KEYS[1], KEYS[2], KEYS[3]

local function has_failed(threat)
    local data = redis.pcall('HGET', threat, 'data')
    if type(data) ~= 'string' then return false end
    local read, record = pcall(cjson.decode, data)
    return read and type(record) == 'table' and record.status == 'failed'
end

local answers = {}
for a = 1, #ARGV, 5 do
    local letter, id, n = ARGV[a], ARGV[a + 1], #answers + 1
    local threat = KEYS[3 + n]
    if #redis.call('XRANGE', dead, letter, letter) == 0 then
        answers[n] = 'GONE'
    elseif not has_failed(threat) then
        answers[n] = 'OTHER'
    else
        local entry = redis.call('XADD', stream, '*', 'v', '1', 'id', id, 'signal', ARGV[a + 2], 'received_at', ARGV[a + 3])
        redis.call('HDEL', threat, 'data', 'stage')
        redis.call('HSET', threat, 'entry', entry)
        redis.call('XADD', log, '*', 'kind', 'updated', 'id', id, 'row', ARGV[a + 4])
        redis.call('XDEL', dead, letter)
        answers[n] = 'OK'
    end
end
return answers
