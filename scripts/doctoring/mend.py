"""The two things the doctor does when asked. Each is one script at a time, so nothing can come between."""

from doctoring.examination import GROUP, Examination, skipped_entries

# Only when the group has read all: then the true lag is 0, and the stream's own count says how much was read.
REPAIR_LAG = """#!lua flags=allow-oom
-- KEYS: stream  ARGV: group
local stream = {}
local pairs_of = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #pairs_of, 2 do stream[pairs_of[i]] = pairs_of[i + 1] end
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    if row[2] == ARGV[1] then
        if row[8] ~= stream['last-generated-id'] then return 'BEHIND' end
        redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], row[8], 'ENTRIESREAD', stream['entries-added'])
        return 'REPAIRED'
    end
end
return 'NOGROUP'
"""

# Entry by entry again under a new id, only what still is as it was seen: there, not pending, not finished.
REPLAY_ENTRY = """#!lua
-- KEYS: stream, threat  ARGV: group, entry
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])
if #found == 0 or #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) > 0 then return 0 end
if redis.call('HEXISTS', KEYS[2], 'data') == 1 or redis.call('HGET', KEYS[2], 'entry') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'entry', redis.call('XADD', KEYS[1], '*', unpack(found[1][2])))
return 1
"""


def repair_lag(client, prefix):
    if client.type(prefix + "threats:stream") != "stream":
        print("there is no stream: nothing to repair")
        return 1
    answer = client.eval(REPAIR_LAG, 1, prefix + "threats:stream", GROUP)
    told = {
        "REPAIRED": "the lag is right again",
        "BEHIND": "not yet: the group has not read the stream to its end. Try again when it has (or pause the senders)",
        "NOGROUP": "there is no group: start a soc-worker",
    }
    print(told[answer])
    return 0 if answer == "REPAIRED" else 1


def replay_skipped(client, prefix):
    queue = Examination(client, prefix).sample()
    done = 0
    for entry, fields in skipped_entries(client, prefix, queue):
        done += client.eval(REPLAY_ENTRY, 2, prefix + "threats:stream", f"{prefix}threat:{fields['id']}", GROUP, entry)
    print(f"{done} skipped entries are queued again")
    return 0
