"""The two things the doctor does when asked, by scripts, so that nothing comes between seeing and doing."""

from doctoring import skipped
from doctoring.names import GROUP

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
    if client.type(prefix + "threats:stream") != "stream":
        print("there is no stream: nothing was skipped")
        return 1
    taken = skipped.take_back(client, prefix)
    print(f"{taken.count} skipped entries are queued again")
    if not taken.through:
        print("there is more of the stream than one run looks at: run it again")
    return 0 if taken.through else 1
