"""Gathers the evidence: the producers' and watchers' logs, what Redis holds, what the workers logged."""

import json

from auditor import Answer, Row

STREAM, LOG, DEAD, GROUP = "threats:stream", "threats:log", "threats:dead", "soc-workers"
ROWS_AT_ONCE = 5000
IDS_AT_ONCE = 1000

# Rows as lines: reading them as replies of many parts costs the test more than the fleet.
ROWS = """
local out = {}
for i, row in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])) do
    local field = {}
    for f = 1, #row[2], 2 do field[row[2][f]] = row[2][f + 1] end
    out[i] = row[1] .. ' ' .. (field.kind or '?') .. ' ' .. (field.id or '?') .. ' ' .. (field.again or '0')
end
return table.concat(out, '\\n')
"""
WITHOUT_RESULT = """
local out = {}
for _, id in ipairs(ARGV) do
    if redis.call('HEXISTS', KEYS[1] .. id, 'data') == 0 then out[#out + 1] = id end
end
return out
"""
HISTORY_TOTAL = """
local total = 0
for _, text in ipairs(redis.call('MGET', unpack(KEYS))) do
    total = total + (tonumber(string.match(text or '', '^%d+')) or 0)
end
return total
"""
# (entries ever added, entries finished): counted by the commit and bury scripts when they do, else from what they leave.
TRUTH = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0} end
local stream = redis.call('XINFO', 'STREAM', KEYS[1])
local added
for i = 1, #stream, 2 do if stream[i] == 'entries-added' then added = stream[i + 1] end end
local counts = redis.call('MGET', KEYS[4], KEYS[5])
if counts[1] then return {added, tonumber(counts[1]) + tonumber(counts[2] or 0)} end
local nameless = 0
for _, letter in ipairs(redis.call('XRANGE', KEYS[3], '-', '+')) do
    local named = false
    for f = 1, #letter[2], 2 do named = named or letter[2][f] == 'id' end
    if not named then nameless = nameless + 1 end
end
return {added, redis.call('ZCARD', KEYS[2]) + nameless}
"""


def read_answers(path, producer):
    answers = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if not line.endswith("\n"):
                break  # still being written
            words = line.split()
            ids = words[5].split(",") if len(words) > 5 else []
            answers.append(Answer(int(words[0]), producer, int(words[1]), int(words[2]), int(words[3]), ids))
    return answers


def read_watched(path):
    """watcher → [(word, id, type)]"""
    watched = {}
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if line.endswith("\n") and len(words) >= 3:
                watched.setdefault(int(words[0]), []).append((words[2], (words + [""])[3], (words + ["", ""])[4]))
    return watched


def read_delays(path, since_ms=0, until_ms=float("inf")):
    """Of what happened in that time: ms from the log row to its event at a watcher."""
    delays = []
    with open(path, encoding="ascii") as lines:
        for words in map(str.split, lines):
            if len(words) == 5 and words[2] == "event":
                at_ms = int(words[3].partition("-")[0])
                delays += [int(words[1]) - at_ms] if since_ms <= at_ms < until_ms else []
    return sorted(delays)


def parse_rows(text):
    words = (line.split(" ") for line in text.split("\n") if line)
    return [Row(id_, kind, threat, again == "1") for id_, kind, threat, again in words]


def read_rows(store):
    rows, begin = [], "-"
    read = store.register_script(ROWS)
    while True:
        text = read([LOG], [begin, ROWS_AT_ONCE])
        if not text:
            return rows
        rows += parse_rows(text)
        begin = "(" + rows[-1].id


def read_letters(store):
    """(ids of dead letters, letters without an id)"""
    letters = store.xrange(DEAD)
    return {fields["id"] for _, fields in letters if "id" in fields}, [fields for _, fields in letters if "id" not in fields]


def read_outstanding(store):
    """Ids of entries that nobody has finished."""
    groups = [group for group in store.xinfo_groups(STREAM) if group["name"] == GROUP] if store.exists(STREAM) else []
    begin = "(" + groups[0]["last-delivered-id"] if groups else "-"
    waiting = store.xrange(STREAM, begin, "+")
    pending = store.xpending_range(STREAM, GROUP, "-", "+", 100_000) if groups else []
    entries = [fields for _, fields in waiting]
    for row in pending:
        entries += [fields for _, fields in store.xrange(STREAM, row["message_id"], row["message_id"])]
    return {fields["id"] for fields in entries if "id" in fields}


def is_idle(store):
    """By looking, not by Redis' lag, which does not survive every fault."""
    groups = [group for group in store.xinfo_groups(STREAM) if group["name"] == GROUP] if store.exists(STREAM) else []
    return bool(groups) and groups[0]["pending"] == 0 and not store.xrange(STREAM, "(" + groups[0]["last-delivered-id"], "+", count=1)


def find_without_result(store, ids):
    ask, missing, ids = store.register_script(WITHOUT_RESULT), set(), list(ids)
    for at in range(0, len(ids), IDS_AT_ONCE):
        missing.update(ask(["threat:"], ids[at : at + IDS_AT_ONCE]))
    return missing


def sum_histories(store):
    keys = list(store.scan_iter("history:customer:*", count=5000))
    ask = store.register_script(HISTORY_TOTAL)
    return sum(ask(keys[at : at + IDS_AT_ONCE]) for at in range(0, len(keys), IDS_AT_ONCE))


def log_lines(program):
    """The log's lines of all its lives; a kill may have cut the last one off."""
    for start in range(1, program.starts + 1):
        path = program.folder / f"{program.name}.{start}.out"
        for line in path.read_text(errors="replace").splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def read_claims(workers):
    """(owner → entries taken from it, entries handed back, those that a group passed over too)"""
    claims, released = {}, 0
    for worker in workers:
        own = None
        for line in log_lines(worker):
            if line.get("message") == "started":
                own = line.get("consumer")
            elif line.get("message") == "entries of another consumer claimed":
                owner = line["owner"] if line["owner"] != own else f"own:{own}"
                claims[owner] = claims.get(owner, 0) + int(line["count"])
            elif line.get("message") in ("entries handed back", "entries that the group passed over taken back"):
                released += int(line["count"])
    return claims, released


def forget_latencies(store):
    store.config_resetstat()


def percentile_us(store, command, percent):
    """Redis' own time in it, since forget_latencies: 50, 99 or 99.9 of 100; None when it was not called."""
    row = store.info("latencystats").get(f"latency_percentiles_usec_{command}")
    return row and float(row[f"p{percent}"])


def calls(store, command):
    return store.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]
