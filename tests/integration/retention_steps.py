"""What the tests of retention do on their way."""

import time

import catalog_check
from processes import TIME_SCALE, wait_until

DAY_MS = 24 * 3600 * 1000
LIMIT_S = 20 * TIME_SCALE


def post(api, signals):
    answer = api.post("/api/threats/batch", signals)
    assert answer.status_code == 202, answer.text
    return answer.json()["ids"]


def agree(fleet):
    wait_until(lambda: not catalog_check.differences(fleet.store, fleet.apis), LIMIT_S, "log, lists and records agree")


def age(store, days_by_id):
    """Makes stored threats ones that were created so many days ago: id, record, rows. Returns their new ids."""
    rows = {fields["id"]: fields["row"] for _, fields in store.xrange("threats:log") if fields["kind"] == "completed"}
    bodies = {id_: store.hget(f"threat:{id_}", "data") for id_ in days_by_id}
    made, pipeline = [], store.pipeline()
    for id_, days in days_by_id.items():
        created = int(time.time() * 1000) - int(days * DAY_MS)
        old = f"{created >> 16:08x}-{created & 0xFFFF:04x}-7" + id_[15:]
        pipeline.rename(f"threat:{id_}", f"threat:{old}")
        pipeline.hset(f"threat:{old}", "data", bodies[id_].replace(id_, old))
        pipeline.zrem("threats:by_created", id_)
        pipeline.zadd("threats:by_created", {old: created})
        pipeline.xadd("threats:log", {"kind": "expired", "id": id_, "row": ""})
        pipeline.xadd("threats:log", {"kind": "completed", "id": old, "row": f"{created} {rows[id_].split(' ', 1)[1]}"})
        made.append(old)
    pipeline.execute()
    return made
