"""Finished threats expire by age, their customer's or the common one; a longer one always holds; old histories end."""

import json
import pathlib
import time

import pytest

from fleet import Fleet
from processes import TIME_SCALE, built_with_sanitizers, wait_until
from retention_steps import DAY_MS, LIMIT_S, age, agree, post
from sample_signals import signal
from steps import completed

pytestmark = pytest.mark.plain

FAKETIME = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]


def test_age_by_the_rule_and_by_the_customer():
    with Fleet(apis=2, workers=1, SOC_RETENTION_DAYS=30) as fleet:
        store, api = fleet.store, fleet.api
        for customer, days in (("short", 5), ("long", 300)):
            assert api.http.put(f"{api.url}/api/customers/{customer}", json={"name": customer, "retention_days": days}).status_code in (200, 201)
        cases = (("plain", 29), ("plain", 31), ("short", 4), ("short", 6), ("long", 31), ("long", 299), ("long", 301))
        made = dict(zip(cases, age(store, {completed(api, customer_id=customer)["id"]: days for customer, days in cases})))
        for one in fleet.apis:
            one.terminate()
            one.start()
            one.wait_ready()
        kept = {made[which] for which in (("plain", 29), ("short", 4), ("long", 31), ("long", 299))}
        wait_until(lambda: set(store.zrange("threats:by_created", 0, -1)) == kept, LIMIT_S, "what is too old is gone")
        agree(fleet)


def write_log_anew(store):
    """The same rows under new ids: every API has to read it from its start."""
    rows = [fields for _, fields in store.xrange("threats:log")]
    pipeline = store.pipeline()
    pipeline.delete("threats:log")
    for fields in rows:
        pipeline.xadd("threats:log", fields)
    pipeline.execute()


def test_a_longer_retention_holds_while_the_catalog_is_read_anew():
    """Three hundred customers: they are not all asked at once."""
    with Fleet(apis=1, workers=1, SOC_RETENTION_DAYS=30) as fleet:
        store, api = fleet.store, fleet.api
        for number in range(300):
            store.hset(f"customer:long-{number}", "retention_days", 300)
        ids = post(api, [signal(customer_id=f"long-{number}", customer_name=f"Long {number}") for number in range(300)])
        fleet.wait_completed(300)
        kept = set(age(store, dict.fromkeys(ids, 31)))
        wait_until(lambda: {row["id"] for row in api.get("/api/threats?limit=1000").json()} == kept, 10 * TIME_SCALE, "all are listed")
        for again in (lambda: write_log_anew(store), lambda: restart(api)):
            again()
            (plain,) = age(store, {completed(api, customer_id="plain")["id"]: 31})
            wait_until(lambda: store.zscore("threats:by_created", plain) is None, LIMIT_S, "what is too old is gone")
            assert set(store.zrange("threats:by_created", 0, -1)) == kept
            agree(fleet)


def restart(api):
    api.terminate()
    api.start()
    api.wait_ready()


def test_an_api_whose_clock_is_far_off_removes_nothing_by_age():
    library = next((path for path in map(pathlib.Path, FAKETIME) if path.exists()), None)
    if library is None or built_with_sanitizers():
        pytest.skip("needs libfaketime and a build without sanitizers")
    with Fleet(apis=1, workers=1, SOC_RETENTION_DAYS=30) as fleet:
        store = fleet.store
        wait_until(lambda: store.get("threats:upkeep"), 10, "somebody holds the lease")
        id_ = completed(fleet.api)["id"]
        fleet.api.terminate()
        old = age(store, {id_: 31})
        late = fleet.add_api(LD_PRELOAD=library, FAKETIME="+400d", FAKETIME_DONT_FAKE_MONOTONIC="1").wait_ready()
        wait_until(lambda: store.get("threats:upkeep"), 10, "the late one holds the lease")
        wait_until(lambda: any("clock" in line["message"] for line in late.logged()), 10, "it says that the clocks differ")
        rounds = store.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0)
        wait_until(lambda: store.info("commandstats")["cmdstat_evalsha"]["calls"] > rounds + 20, LIMIT_S, "some rounds are over")
        assert late.metric("soc_threats_expired_total") == 0
        assert store.zrange("threats:by_created", 0, -1) == old


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


def test_histories_of_imported_incidents_stay():
    """They would never be counted again: the incident is known."""
    incident = {"id": "PAST-1", "customer_id": "past", "threat_type": "bot_traffic", "source_ip": "45.97.0.1", "severity": "medium"}
    incident |= {"verdict": "false_positive", "occurred_at": "2020-03-01T10:00:00Z"}
    key, old = "history:customer:past:bot_traffic", "history:customer:old:bot_traffic"
    with Fleet(apis=1, workers=0, SOC_RETENTION_DAYS=30) as fleet:
        store = fleet.store

        def walk():
            for _ in range(2):  # from one visit of a key to the next all others are visited
                store.set(old, "2 0 1 1 1|PAST-2 1 bot_traffic high 312 true_positive")
                wait_until(lambda: not store.exists(old), LIMIT_S, "the old history is gone")

        assert fleet.api.post("/api/incidents", [incident]).json()["accepted"] == 1
        text = store.get(key)
        walk()
        assert store.get(key) == text
        store.hdel("incidents", "PAST-1")
        walk()
        assert not store.exists(key)
