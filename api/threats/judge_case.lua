#!lua
-- A case gets an analyst's word, another one, or loses it, and its histories follow: all of it or nothing.
-- Without allow-oom on purpose: out of memory refuses it before its first write.
-- KEYS: record, the case's histories, then of a threat the log; of an incident the threat key of its id, if the
--       id could be a threat's
-- ARGV: threat or incident, number of histories, id, created_ms, case without its word, word ("none" withdraws),
--       then of a threat: verdict without its end, its end, "1" when automated, row
--            of an incident: the part of the record that never changes, the rest of it
-- Answers an outcome, and with it what is stored: CHANGED, SAME, HUMAN (automation must not), ABSENT (no analysis),
-- OTHER (another incident has the id), THREAT (a threat has the id).
local record, histories = KEYS[1], tonumber(ARGV[2])
local id, created, word, head, rest = ARGV[3], ARGV[4], ARGV[6], ARGV[7], ARGV[8]
local case, further = ARGV[5] .. ' ' .. word, KEYS[2 + histories]

-- include shared/redis/history_cases.lua.in

local function put_case(cases)
    local at, blank = string.find(cases, '|' .. id .. ' ', 1, true)
    if at then
        local behind = string.find(cases, '|', blank, true)
        return string.sub(cases, 1, at) .. case .. (behind and string.sub(cases, behind) or '')
    end
    return word == 'none' and cases or insert_case(cases, case, tonumber(created))
end

-- total false_positives true_positives first_ms last_ms|case|case…, newest first
local function history_judge(text, before, fresh)
    local total, wrong, right, first, last, cases =
        string.match(text or '', '^(%d+) (%d+) (%d+) (%d+) (%d+)(.*)$')
    local count = {none = 0, false_positive = tonumber(wrong or 0), true_positive = tonumber(right or 0)}
    total = tonumber(total or 0)
    if total == 0 then first, last = created, created end
    if fresh then
        total = total + 1
        if tonumber(created) < tonumber(first) then first = created end
        if tonumber(created) > tonumber(last) then last = created end
    end
    count[before] = math.max(0, count[before] - 1)
    count[word] = count[word] + 1
    total = math.max(1, total, count.false_positive + count.true_positive)
    return string.format('%.0f %.0f %.0f ', total, count.false_positive, count.true_positive) .. first .. ' ' .. last ..
        put_case(cases or '')
end

local function word_of(text, pattern)
    local found = string.match(text, pattern)
    return (found == 'false_positive' or found == 'true_positive') and found or 'none'
end

-- Why nothing is to be done, or the word before.
local function look_at_threat()
    local found = redis.call('HMGET', record, 'data', 'verdict')
    if not found[1] then return 'ABSENT' end
    local stored = found[2] or ''
    local by_human = stored ~= '' and not string.find(stored, ',"automated":true,"at":"[^"]*"}$')
    if ARGV[9] == '1' and by_human then return 'HUMAN', stored end
    if #stored == #head + #rest and string.sub(stored, 1, #head) == head then return 'SAME', stored end
    return nil, stored, word_of(stored, '^{"verdict":"([a-z_]+)"')
end

local function look_at_incident()
    if further and redis.call('EXISTS', further) == 1 then return 'THREAT', '' end
    local stored = redis.call('HGET', record, id) or ''
    if stored ~= '' and string.sub(stored, 1, #head) ~= head then return 'OTHER', stored end
    if stored == head .. rest then return 'SAME', stored end
    return nil, stored, word_of(string.sub(stored, #head + 1), '^,"verdict":"([a-z_]+)"')
end

local is_threat = ARGV[1] == 'threat'
local answer, stored, before = (is_threat and look_at_threat or look_at_incident)()
if answer then return {answer, stored} end

local keys = {unpack(KEYS, 2, 1 + histories)}
local texts = redis.call('MGET', unpack(keys))
if is_threat then
    redis.call('XADD', further, '*', 'kind', 'updated', 'id', id, 'row', ARGV[10])
    if word == 'none' then redis.call('HDEL', record, 'verdict') else redis.call('HSET', record, 'verdict', head .. rest) end
else
    redis.call('HSET', record, id, head .. rest)
end
local changed = {}
for i, key in ipairs(keys) do
    changed[2 * i - 1] = key
    changed[2 * i] = history_judge(texts[i], before, not is_threat and stored == '')
end
redis.call('MSET', unpack(changed))
return {'CHANGED', head .. rest}
