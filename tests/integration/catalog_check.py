"""After any fault: what each API lists is what a reader of threats:log would know, and what the records say."""

import json

KINDS = ("created", "completed", "failed", "updated", "expired")  # others are a later version's: passed over
STREAM = "threats:stream"


def rows(store):
    """The whole log, page by page."""
    begin = "-"
    while page := store.xrange("threats:log", begin, count=10_000):
        yield from page
        begin = f"({page[-1][0]}"


def rebuilt(store):
    """id → (status, verdict) as the log tells it from its start."""
    known = {}
    for _, fields in rows(store):
        kind, id_ = fields["kind"], fields["id"]
        if kind not in KINDS:
            continue
        if kind == "expired":
            known.pop(id_, None)
        elif kind != "created" or id_ not in known:
            words = fields["row"].split(" ")
            known[id_] = (words[4], words[8])
    return known


def stored(store):
    """The same as the records tell it."""
    ids = [key.split(":", 1)[1] for key in store.scan_iter("threat:*", count=5000)]
    found = {}
    for begin in range(0, len(ids), 500):
        pipe = store.pipeline(transaction=False)
        for id_ in ids[begin : begin + 500]:
            pipe.hmget(f"threat:{id_}", "data", "verdict")
        for id_, (data, verdict) in zip(ids[begin : begin + 500], pipe.execute()):
            status = json.loads(data)["status"] if data else "pending"
            found[id_] = (status, json.loads(verdict)["verdict"] if verdict else "none")
    return found


def robbed(store, records):
    """Threats that wait for an entry which somebody deleted: there is no signal to list them by."""
    waiting = [id_ for id_, (status, _) in records.items() if status == "pending"]
    entries = [store.hget(f"threat:{id_}", "entry") for id_ in waiting]
    there = store.type(STREAM) == "stream"
    return {id_ for id_, entry in zip(waiting, entries) if not (there and store.xrange(STREAM, entry, entry))}


def pages(api, path):
    """All rows of a list, page by page."""
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        yield from answer.json()
        link = answer.headers.get("Link")
        path = link[link.index("<") + 1 : link.index(">")] if link else None


def listed(api):
    """The same as an API lists it: the status is the one that its catalog filters by, the row comes from the record."""
    found = {}
    for status in ("pending", "analyzing", "completed", "failed"):
        for row in pages(api, f"/api/threats?limit=1000&status={status}"):
            found[row["id"]] = (status, (row.get("verdict") or {}).get("verdict", "none"))
    return found


def counted(view):
    """What /api/stats must say of what is stored."""
    verdicts = [verdict for _, verdict in view.values()]
    return len(view), {word: verdicts.count(word) for word in ("false_positive", "true_positive")}


def differences(store, apis):
    """Words for all that does not agree; nothing when all does."""
    by_log, by_record, words = rebuilt(store), stored(store), []
    views = {"the log": by_log, **{api.name: listed(api) for api in apis}}
    unseen = robbed(store, by_record)
    for name, view in views.items():
        for id_ in (view.keys() | by_record.keys()) - (unseen - view.keys()):
            if view.get(id_) != by_record.get(id_):
                words.append(f"{name} has {id_} as {view.get(id_)}, its record is {by_record.get(id_)}")
    for api in apis:
        stats = api.get("/api/stats").json()
        told = (stats["total"], stats["verdicts"])
        if told != counted(by_record):
            words.append(f"{api.name} counts {told}, stored are {counted(by_record)}")
    return words
