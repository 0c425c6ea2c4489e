#!lua flags=allow-oom
-- Completes a batch of analyses, each only if this consumer still owns the entry at this delivery: stores,
-- indexes, logs, adds to the history, publishes and acknowledges. Every call that another type under a key could
-- break is a pcall, so that one bad key never leaves its neighbours half done.
-- KEYS: stream, log, by_created, completed, then for each analysis its threat key and its history keys
-- ARGV: group, consumer, channel or "", first and last entry of the batch, then for each analysis:
--       entry, deliveries, id, created_ms, body, row, history case, number of history keys
-- Answers for each analysis OK, GONE, FENCED, DONE (it has an analysis already), the text of the error that kept it
-- from being stored, or the error itself when it is one of the keys that all share: no fault of the entry.
local stream, log, by_created, completed_key = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, consumer, channel = ARGV[1], ARGV[2], ARGV[3]
local HEAD, WIDTH = 5, 8

local deliveries_of = {}
for _, pending in ipairs(redis.call('XPENDING', stream, group, ARGV[4], ARGV[5], 100000, consumer)) do
    deliveries_of[pending[1]] = tostring(pending[4])
end

local function why_not_owned(entry)
    return #redis.call('XPENDING', stream, group, entry, entry, 1) == 0 and 'GONE' or 'FENCED'
end

-- include shared/redis/history_cases.lua.in

-- The usual way: the newcomer is the newest, and the oldest is unjudged or there is room.
local function put_case(cases, case)
    local at = 1
    for _ = 1, RECENT - 1 do
        at = string.find(cases, '|', at + 1, true)
        if not at then return '|' .. case .. cases end
    end
    if string.sub(cases, -5) == ' none' then return '|' .. case .. string.sub(cases, 1, at - 1) end
end

-- total false_positives true_positives first_ms last_ms|case|case…, newest first
local function history_add(text, case, created)
    local total, wrong, right, first, last, cases =
        string.match(text or '', '^(%d+) (%d+) (%d+) (%d+) (%d+)(.*)$')
    if not total then
        return '1 0 0 ' .. created .. ' ' .. created .. '|' .. case
    end
    local ms, recent = tonumber(created), nil
    if ms >= tonumber(last) then
        last, recent = created, put_case(cases, case)
    end
    recent = recent or insert_case(cases, case, ms)
    if ms < tonumber(first) then first = created end
    return string.format('%.0f', total + 1) .. ' ' .. wrong .. ' ' .. right .. ' ' .. first .. ' ' .. last .. recent
end

local function failed(answer)
    return type(answer) == 'table' and answer.err
end

-- Stored once: a threat that has its analysis already (its entry came again with a group that was made anew) is
-- only acknowledged.
local answers, stored, scores, history_keys, acknowledged, k = {}, {}, {}, {}, {}, 5
for a = HEAD + 1, #ARGV, WIDTH do
    local entry, n, threat, histories = ARGV[a], #answers + 1, KEYS[k], tonumber(ARGV[a + 7])
    if deliveries_of[entry] ~= ARGV[a + 1] then
        answers[n] = why_not_owned(entry)
    else
        local set = redis.pcall('HSETNX', threat, 'data', ARGV[a + 4])
        if failed(set) then
            answers[n] = set.err
        elseif set == 0 then
            answers[n] = 'DONE'
            acknowledged[#acknowledged + 1] = entry
        else
            stored[#stored + 1] = {arg = a, answer = n, key = k, histories = histories}
            scores[#scores + 1] = ARGV[a + 3]
            scores[#scores + 1] = ARGV[a + 2]
            for h = 1, histories do history_keys[#history_keys + 1] = KEYS[k + h] end
            answers[n] = 'OK'
        end
    end
    k = k + 1 + histories
end

-- What is stored but can be neither indexed nor told is taken back: it is offered again.
local function take_back(item, failure)
    answers[item.answer] = failure
    item.refused = true
    redis.call('HDEL', KEYS[item.key], 'data')
    redis.pcall('ZREM', by_created, ARGV[item.arg + 2])
end

if #stored > 0 then
    local logged = redis.pcall('ZADD', by_created, unpack(scores))
    for _, item in ipairs(stored) do
        local a = item.arg
        if not failed(logged) then
            logged = redis.pcall('XADD', log, '*', 'kind', 'completed', 'id', ARGV[a + 2], 'row', ARGV[a + 5])
        end
        if failed(logged) then
            take_back(item, logged)
        else
            if channel ~= '' then redis.call('PUBLISH', channel, ARGV[a + 4]) end
            acknowledged[#acknowledged + 1] = ARGV[a]
        end
    end

    local texts, changed, order, completed = {}, {}, {}, 0
    history_keys[#history_keys + 1] = completed_key
    for i, text in ipairs(redis.call('MGET', unpack(history_keys))) do texts[history_keys[i]] = text end
    for _, item in ipairs(stored) do
        if not item.refused then
            completed = completed + 1
            for h = 1, item.histories do
                local key, a = KEYS[item.key + h], item.arg
                texts[key] = history_add(texts[key], ARGV[a + 6], ARGV[a + 3])
                if not changed[key] then
                    changed[key] = true
                    order[#order + 1] = key
                end
            end
        end
    end
    if completed > 0 then
        local pairs_to_set = {}
        for _, key in ipairs(order) do
            pairs_to_set[#pairs_to_set + 1] = key
            pairs_to_set[#pairs_to_set + 1] = texts[key]
        end
        pairs_to_set[#pairs_to_set + 1] = completed_key
        pairs_to_set[#pairs_to_set + 1] = string.format('%.0f', (tonumber(texts[completed_key]) or 0) + completed)
        redis.call('MSET', unpack(pairs_to_set))
    end
end
if #acknowledged > 0 then redis.call('XACK', stream, group, unpack(acknowledged)) end
return answers
