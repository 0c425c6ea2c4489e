"""Finished threats expire by number, everywhere together; the log is no longer than what lives."""

import pytest

from fleet import Fleet
from live_client import LiveClient
from processes import wait_until
from retention_steps import LIMIT_S, agree, post
from sample_signals import varied

pytestmark = pytest.mark.plain


def wait_kept(fleet, count):
    wait_until(lambda: fleet.store.zcard("threats:by_created") == count, LIMIT_S, f"{count} threats are kept")


def test_only_the_newest_are_kept():
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=1000, SOC_WS_QUEUE_BYTES=268435456) as fleet, LiveClient(fleet.apis[1]) as client:
        ids = []
        for number in range(10):
            ids += post(fleet.apis[number % 2], varied(500, f"kept-{number}"))
            client.wait_for("new_threat", len(ids))  # told before they are among the oldest
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
