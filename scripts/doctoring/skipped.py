"""Entries that the group passed over: at or below its position, held by nobody, finished by nobody. The stream is
walked in pages, each one script, so nothing comes between seeing and doing."""

from collections import namedtuple

from doctoring import lua
from doctoring.names import GROUP, RELEASED

PAGE = 2000
PAGES_MAX = 1000

# Both scripts begin with this. KEYS: stream  ARGV: group, what the threats' keys begin with, where the page begins, its size
FIND = "\n" + lua.part("awaited_entry") + """
local stream, group, threat_keys = KEYS[1], ARGV[1], ARGV[2]
local position
for _, row in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local one = by_name(row)
    if one.name == group then position = one['last-delivered-id'] end
end
if not position then return {{}, ''} end
local skipped = {}
local rows = redis.call('XRANGE', stream, ARGV[3], position, 'COUNT', ARGV[4])
for _, row in ipairs(rows) do
    if is_awaited(threat_keys, row[1], row[2]) and #redis.call('XPENDING', stream, group, row[1], row[1], 1) == 0 then
        skipped[#skipped + 1] = row[1]
    end
end
local next_page = #rows == tonumber(ARGV[4]) and '(' .. rows[#rows][1] or ''
"""

LOOK = "#!lua flags=no-writes,allow-oom" + FIND + "return {skipped, next_page}\n"

# Pending with a consumer from whom any worker takes them, as if never delivered: same entry, same id, same account.
TAKE_BACK = "#!lua flags=allow-oom" + FIND + """
if #skipped > 0 then
    local words = {unpack(skipped)}
    for _, word in ipairs({'IDLE', 86400000, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID'}) do words[#words + 1] = word end
    skipped = redis.call('XCLAIM', stream, group, ARGV[5], 0, unpack(words))
end
return {skipped, next_page}
"""

Skipped = namedtuple("Skipped", "count first last through")


def _walk(client, prefix, script, *more):
    count, first, last, position = 0, None, None, "-"
    for _ in range(PAGES_MAX):
        ids, position = client.eval(script, 1, prefix + "threats:stream", GROUP, prefix + "threat:", position, PAGE, *more)
        count += len(ids)
        first, last = first or (ids[0] if ids else None), ids[-1] if ids else last
        if not position:
            break
    return Skipped(count, first, last, not position)


def look(client, prefix):
    return _walk(client, prefix, LOOK)


def take_back(client, prefix):
    return _walk(client, prefix, TAKE_BACK, RELEASED)
