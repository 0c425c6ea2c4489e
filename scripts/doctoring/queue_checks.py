"""The queue: stream, group, consumers, pending entries, dead letters, the account."""

from doctoring.examination import id_ms
from doctoring.finding import ERROR, NOTE, WARNING, Finding
from doctoring.names import GROUP, KEY_TYPES, RELEASED

CLOCK_AHEAD_MS = 60_000
OLD_PENDING_S = 60
STALE_CONSUMERS = 5


def wrong_types(seen):
    for name, wanted in KEY_TYPES.items():
        if seen.types[name] not in (wanted, "none"):
            yield Finding(
                "wrong-type", ERROR, f"{seen.key(name)} is a {seen.types[name]}, not a {wanted}", "every command on it fails: whoever needs it stands still",
                f"find out who wrote it, then redis-cli RENAME {seen.key(name)} {seen.key(name)}.wrong",
            )


def group(seen):
    if seen.queue is None:
        return
    names = [row["name"] for row in seen.queue["groups"]]
    if GROUP not in names:
        yield Finding(
            "group-missing", ERROR, f"the group {GROUP} does not exist", "nobody reads the queue", "start a soc-worker: it makes the group, from the stream's beginning",
        )
    others = [name for name in names if name != GROUP]
    if others:
        yield Finding(
            "other-groups", WARNING, f"other groups read the stream: {', '.join(others)}", "the stream is not trimmed while they are there, and grows",
            f"redis-cli XGROUP DESTROY {seen.key('threats:stream')} NAME, or read threats:log instead",
        )


def clock(seen):
    if seen.queue is None:
        return
    ahead_ms = id_ms(seen.queue["stream"]["last-generated-id"]) - seen.now_ms
    if ahead_ms > CLOCK_AHEAD_MS:
        yield Finding(
            "stream-clock-ahead", ERROR, f"the stream's last id is {ahead_ms / 1000:.0f} s in the future", "ids no longer tell the time: somebody added an entry with an id of "
            "his own, or the clock went back. Signals still flow, in order; ages come from received_at",
            "when the queue is empty: stop the APIs, redis-cli DEL " + seen.key("threats:stream") + ", start them again",
        )


def lag(seen):
    if seen.queue is None or seen.queue["group"] is None:
        return
    row, stream = seen.queue["group"], seen.queue["stream"]
    number, drained = row["lag"], row["last-delivered-id"] == stream["last-generated-id"]
    if number is None:
        what = "Redis does not know the lag"
    elif number > stream["length"] or (drained and number != 0):
        what = f"Redis says a lag of {number}, which cannot be: {stream['length']} entries are there, and " + ("all" if drained else "not all") + " were delivered"
    else:
        return
    yield Finding(
        "lag-unknown", WARNING, what, "the backlog is only known as an upper bound. Entries were deleted or trimmed before they were read",
        "a living worker sets it right once the queue is read to its end; without one: scripts/doctor --repair",
    )


def skipped(seen):
    if not seen.skipped or seen.skipped.count == 0:
        return
    count = str(seen.skipped.count) if seen.skipped.through else f"at least {seen.skipped.count}"
    yield Finding(
        "skipped-entries", ERROR, f"{count} entries from {seen.skipped.first} to {seen.skipped.last} were passed over: not pending, not finished",
        "they are not analysed. The group was made, or moved, beyond them",
        "start a soc-worker: it takes them back before it trims. By hand: scripts/doctor --replay-skipped",
    )


def workers(seen):
    if seen.queue is None or seen.queue["group"] is None:
        return
    outstanding = (seen.queue["group"]["lag"] or 0) + seen.queue["group"]["pending"]
    if not seen.alive and outstanding:
        yield Finding("no-worker", ERROR, f"no worker is alive, {outstanding} threats wait", "nothing is analysed", "start a soc-worker")
    lost = sum(row["pending"] for row in seen.consumers if row["name"] not in seen.alive)
    if lost and not seen.alive:
        yield Finding(
            "orphaned-entries", WARNING, f"{lost} entries are pending with consumers that are not alive", "a living worker takes them over by itself; there is none",
            "start a soc-worker",
        )
    stale = [row for row in seen.consumers if row["pending"] == 0 and row["name"] not in seen.beating and row["name"] != RELEASED]
    if len(stale) > STALE_CONSUMERS:
        yield Finding(
            "stale-consumers", NOTE, f"{len(stale)} consumers of gone workers are still in the group", "each costs memory and time", "living workers remove them by and by",
        )


def pending(seen):
    if seen.deleted_pending:
        yield Finding(
            "deleted-pending", WARNING, f"{len(seen.deleted_pending)} entries are pending but deleted, the first {seen.deleted_pending[0]}",
            "somebody trimmed or deleted what was being worked on: those threats are lost, unless their worker still holds them",
            "find out who runs XTRIM or XDEL on " + seen.key("threats:stream") + "; the workers clean up by themselves",
        )
    ages = [(seen.now_ms - id_ms(row["message_id"])) / 1000 for row in seen.pending[:1]]
    if ages and ages[0] > OLD_PENDING_S:
        row = seen.pending[0]
        yield Finding(
            "old-pending", WARNING, f"{row['message_id']} is pending for {ages[0]:.0f} s with {row['consumer']}, delivered {row['times_delivered']} times",
            "a worker hangs, or nobody can finish it", f"redis-cli XRANGE {seen.key('threats:stream')} {row['message_id']} {row['message_id']}, and that worker's log",
        )


def dead_letters(seen):
    if seen.dead_reasons:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(seen.dead_reasons.items(), key=lambda item: -item[1]))
        yield Finding(
            "dead-letters", WARNING, f"{sum(seen.dead_reasons.values())} dead letters: {reasons}", "these threats could not be analysed",
            "GET /api/dead-letters shows them; after mending the cause POST /api/dead-letters/{id}/replay, or DELETE",
        )


def unaccounted_of(sample):
    """Received less completed, failed and outstanding; None when that is not known."""
    if sample is None or sample["group"] is None or sample["group"]["lag"] is None or sample["completed"] is None:
        return None
    done = int(sample["completed"]) + int(sample["failed"] or 0)
    return sample["stream"]["entries-added"] - done - sample["group"]["lag"] - sample["group"]["pending"]


def account(seen):
    first, second = (unaccounted_of(sample) for sample, _ in seen.looks)
    if not first or not second:
        return
    if second > 0:
        yield Finding(
            "unaccounted", ERROR, f"{second} entries were received and are neither finished nor outstanding", "they were deleted, trimmed or skipped before they were analysed",
            "look at skipped-entries and lag-unknown above; whoever sent them has to send them again",
        )
    else:
        yield Finding(
            "delivered-again", NOTE, f"{-second} more entries are finished or outstanding than were received", "the group was made again: finished threats pass once more and are not done twice",
            "nothing: it goes back to 0 as the queue drains",
        )


CHECKS = [wrong_types, group, clock, lag, skipped, workers, pending, dead_letters, account]
