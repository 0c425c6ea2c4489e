"""What is stored: records, their index, the log that lists are built from."""

from doctoring.finding import ERROR, WARNING, Finding

SCAN_ROUNDS, SCAN_COUNT = 10, 200


def index(seen):
    without = [id_ for id_, (there, _) in zip(seen.stored_ids, seen.records(seen.stored_ids)) if not there]
    if without:
        yield Finding(
            "index-without-record", WARNING, f"{len(without)} of {len(seen.stored_ids)} ids looked at in {seen.key('threats:by_created')} have no record, the first {without[0]}",
            "records were deleted by hand", f"redis-cli ZREM {seen.key('threats:by_created')} ID for each",
        )


def records(seen):
    if seen.types["threats:by_created"] not in ("zset", "none"):
        return
    ids, cursor = [], 0
    for _ in range(SCAN_ROUNDS):
        cursor, keys = seen.client.scan(cursor, match=seen.key("threat:") + "*", count=SCAN_COUNT)
        ids += [key[len(seen.key("threat:")) :] for key in keys]
        if cursor == 0:
            break
    finished = [id_ for id_, (_, done) in zip(ids, seen.records(ids)) if done]
    pipe = seen.client.pipeline(transaction=False)
    for id_ in finished:
        pipe.zscore(seen.key("threats:by_created"), id_)
    without = [id_ for id_, score in zip(finished, pipe.execute()) if score is None] if finished else []
    if without:
        yield Finding(
            "record-without-index", WARNING, f"{len(without)} of {len(finished)} finished records looked at are not in {seen.key('threats:by_created')}, the first {without[0]}",
            "they never expire", f"redis-cli ZADD {seen.key('threats:by_created')} CREATED_MS ID for each",
        )


def log(seen):
    if seen.log_ids is None or not seen.stored_ids:
        return
    missing = [id_ for id_ in seen.stored_ids if id_ not in seen.log_ids]
    if missing:
        yield Finding(
            "log-too-short", ERROR, f"{len(missing)} of {len(seen.stored_ids)} stored threats looked at are not in {seen.key('threats:log')}, the first {missing[0]}",
            "an API that starts now does not list them. The log was trimmed or deleted by somebody else", "restore the log from a backup; GET /api/threats/{id} still shows each",
        )


CHECKS = [index, records, log]
