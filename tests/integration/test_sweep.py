"""One entry that stays pending pins the stream: what is finished behind it is swept, and the lag stays true."""

import pytest

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import varied
from steps import post

pytestmark = pytest.mark.plain

STAY_MAX = 10000  # finished entries that may stay


def take_one(store):
    """By a consumer that is patiently taken for alive and never finishes."""
    store.hset("threats:workers", "straggler", 1)
    (((_, ((entry, _),)),)) = store.xreadgroup("soc-workers", "straggler", {"threats:stream": ">"}, count=1)
    return entry


def hand_back(store, entry):
    store.xclaim("threats:stream", "soc-workers", "__released", 0, [entry], retrycount=0, justid=True)


def test_a_straggler_pins_little_and_loses_nothing():
    with Fleet(apis=1, workers=0, SOC_RETENTION_THREATS=0, SOC_SUSPECT_MS=600000) as fleet:
        store = fleet.store
        store.xgroup_create("threats:stream", "soc-workers", 0, mkstream=True)
        held = post(fleet.api)
        entry = take_one(store)
        for _ in range(2):
            fleet.add_worker().wait_ready()
        sent = 0
        while sent < STAY_MAX + 4000:
            answer = fleet.api.post("/api/threats/batch", varied(1000, f"behind-{sent}"))
            sent += answer.json()["accepted"]
        fleet.wait_completed(sent, 60 * TIME_SCALE)
        wait_until(lambda: store.xlen("threats:stream") <= STAY_MAX + 1, 10 * TIME_SCALE, "what is finished is swept")
        group = fleet.redis.group()
        assert (group["lag"], group["pending"]) == (0, 1)
        assert [row["message_id"] for row in store.xpending_range("threats:stream", "soc-workers", "-", "+", 10)] == [entry]
        assert store.xrange("threats:stream", entry, entry), "what is pending is never swept"
        assert fleet.redis.entries_added() == sent + 1
        hand_back(store, entry)
        fleet.wait_completed(sent + 1, 20 * TIME_SCALE)
        assert fleet.api.get(f"/api/threats/{held}").json()["status"] == "completed"
        wait_until(lambda: store.xlen("threats:stream") == 1, 10 * TIME_SCALE, "the stream is trimmed")
