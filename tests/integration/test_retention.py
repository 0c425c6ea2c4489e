"""Finished threats expire by number and by age, everywhere together; the log is no longer than what lives."""

import json
import time

import catalog_check
from fleet import Fleet
from live_client import LiveClient
from processes import TIME_SCALE, wait_until
from sample_signals import varied
from steps import completed

DAY_MS = 24 * 3600 * 1000
LIMIT_S = 20 * TIME_SCALE


def post(api, signals):
    answer = api.post("/api/threats/batch", signals)
    assert answer.status_code == 202, answer.text
    return answer.json()["ids"]


def agree(fleet):
    wait_until(lambda: not catalog_check.differences(fleet.store, fleet.apis), LIMIT_S, "log, lists and records agree")


def wait_kept(fleet, count):
    wait_until(lambda: fleet.store.zcard("threats:by_created") == count, LIMIT_S, f"{count} threats are kept")


def age(store, id_, days):
    """Makes a stored threat one that was created so many days ago: its id, its record, its rows."""
    created = int(time.time() * 1000) - int(days * DAY_MS)
    old = f"{created >> 16:08x}-{created & 0xFFFF:04x}-7" + id_[15:]
    store.rename(f"threat:{id_}", f"threat:{old}")
    body = store.hget(f"threat:{old}", "data").replace(id_, old)
    store.hset(f"threat:{old}", "data", body)
    store.zrem("threats:by_created", id_)
    store.zadd("threats:by_created", {old: created})
    row = next(fields["row"] for _, fields in store.xrevrange("threats:log") if fields["id"] == id_ and fields["kind"] == "completed")
    store.xadd("threats:log", {"kind": "expired", "id": id_, "row": ""})
    store.xadd("threats:log", {"kind": "completed", "id": old, "row": f"{created} {row.split(' ', 1)[1]}"})
    return old


def test_only_the_newest_are_kept():
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=1000) as fleet, LiveClient(fleet.apis[1]) as client:
        ids = []
        for number in range(10):
            ids += post(fleet.apis[number % 2], varied(500, f"kept-{number}"))
        client.wait_for("new_threat", 5000)
        fleet.wait_idle()
        wait_kept(fleet, 1000)
        wait_until(lambda: fleet.store.xlen("threats:log") <= 3 * 1000 + 1100, LIMIT_S, "the log is cut")
        agree(fleet)
        assert len(list(fleet.store.scan_iter("threat:*", count=5000))) == 1000
        newest = {row["id"] for row in fleet.api.get("/api/threats?limit=1000").json()}
        assert newest == {row for row in fleet.store.zrange("threats:by_created", 0, -1)}
        gone = next(id_ for id_ in ids if id_ not in newest)
        for api in fleet.apis:
            assert api.get(f"/api/threats/{gone}").status_code == 404
            assert api.post(f"/api/threats/{gone}/verdict", {"verdict": "false_positive"}).status_code == 404
        assert sum(api.metric("soc_threats_expired_total") for api in fleet.apis) == 4000
        assert not client.messages("threat_updated"), "expiry is no event"
        fleet.add_api().wait_ready()
        agree(fleet)


def test_age_by_the_rule_and_by_the_customer():
    with Fleet(apis=2, workers=1, SOC_RETENTION_DAYS=30) as fleet:
        store, api = fleet.store, fleet.api
        for customer, days in (("short", 5), ("long", 300)):
            assert api.http.put(f"{api.url}/api/customers/{customer}", json={"name": customer, "retention_days": days}).status_code in (200, 201)
        made = {
            (customer, days): age(store, completed(api, customer_id=customer)["id"], days)
            for customer, days in (("plain", 29), ("plain", 31), ("short", 4), ("short", 6), ("long", 31), ("long", 299), ("long", 301))
        }
        for one in fleet.apis:
            one.terminate()
            one.start()
            one.wait_ready()
        kept = {made[which] for which in (("plain", 29), ("short", 4), ("long", 31), ("long", 299))}
        wait_until(lambda: set(store.zrange("threats:by_created", 0, -1)) == kept, LIMIT_S, "what is too old is gone")
        agree(fleet)


def test_what_waits_never_expires():
    with Fleet(apis=1, workers=0, SOC_RETENTION_THREATS=10) as fleet:
        ids = post(fleet.api, varied(50, "waits"))
        store = fleet.store
        store.xadd("threats:log", {"kind": "completed", "id": ids[0], "row": "1 1 bot_traffic low completed 0 1 500 none 192.0.2.1 - c C"})
        wait_until(lambda: fleet.api.get("/api/stats").json()["by_status"]["completed"] == 1, 10, "the row is read")
        fleet.add_worker().wait_ready()
        fleet.wait_idle()
        wait_kept(fleet, 10)
        kinds = [row["kind"] for _, row in store.xrange("threats:log")]
        assert kinds.count("expired") <= 40 and store.zcard("threats:by_created") == 10


def test_the_holder_of_the_lease_dies_in_the_middle():
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=500) as fleet:
        wait_until(lambda: fleet.store.get("threats:upkeep"), 10, "somebody holds the lease")
        for number in range(8):
            post(fleet.apis[number % 2], varied(500, f"dies-{number}"))
            holder = fleet.store.get("threats:upkeep")
            victim = next((api for api in fleet.apis if holder and holder.endswith(f"-{api.pid}")), None)
            if victim and number in (3, 5):
                victim.kill()
                victim.start()
                victim.wait_ready()
        fleet.wait_idle()
        wait_kept(fleet, 500)
        agree(fleet)


def test_old_histories_end():
    with Fleet(apis=1, workers=1, SOC_RETENTION_DAYS=30) as fleet:
        store = fleet.store
        completed(fleet.api)
        keys = sorted(store.scan_iter("history:*"))
        now = int(time.time() * 1000)
        store.set("history:customer:old:bot_traffic", f"2 0 0 1 {now - 31 * DAY_MS}|x")
        store.set("history:customer:young:bot_traffic", f"2 0 0 1 {now - 29 * DAY_MS}|x")
        store.set("history:customer:odd:bot_traffic", "what is this")
        wait_until(lambda: not store.exists("history:customer:old:bot_traffic"), LIMIT_S, "the old history is gone")
        assert sorted(store.scan_iter("history:*")) == sorted([*keys, "history:customer:young:bot_traffic", "history:customer:odd:bot_traffic"])
        assert json.loads(store.hget(f"threat:{store.zrange('threats:by_created', 0, -1)[0]}", "data"))["status"] == "completed"
