"""The two things the doctor does when asked, by scripts, so that nothing comes between seeing and doing."""

from doctoring import lua, skipped
from doctoring.names import GROUP

# KEYS: stream  ARGV: group
REPAIR_LAG = "#!lua flags=allow-oom\n" + lua.part("by_name") + lua.part("repair_lag") + """
for _, row in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local own = by_name(row)
    if own.name == ARGV[1] then
        return repair_lag(KEYS[1], own, by_name(redis.call('XINFO', 'STREAM', KEYS[1]))) and 'REPAIRED' or 'BEHIND'
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
