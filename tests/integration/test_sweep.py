"""One entry that stays pending pins the stream: what is finished behind it is swept, and the lag stays true."""

import threading

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import varied
from steps import post

STAY_MAX = 10000  # finished entries that may stay


class Straggler:
    """A consumer that is alive and never finishes what it took."""

    def __init__(self, store):
        self.store = store
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._beat)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def _beat(self):
        while not self.ended.wait(0.2):
            self.store.hincrby("threats:workers", "straggler", 1)

    def take_one(self):
        self.store.xgroup_createconsumer("threats:stream", "soc-workers", "straggler")
        (((_, ((entry, _),)),)) = self.store.xreadgroup("soc-workers", "straggler", {"threats:stream": ">"}, count=1)
        return entry


def test_a_straggler_pins_little_and_loses_nothing():
    with Fleet(apis=1, workers=0, SOC_RETENTION_THREATS=0) as fleet:
        store = fleet.store
        store.xgroup_create("threats:stream", "soc-workers", 0, mkstream=True)
        with Straggler(store) as straggler:
            held = post(fleet.api)
            entry = straggler.take_one()
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
        fleet.wait_completed(sent + 1, 20 * TIME_SCALE)
        assert fleet.api.get(f"/api/threats/{held}").json()["status"] == "completed"
        wait_until(lambda: store.xlen("threats:stream") == 1, 10 * TIME_SCALE, "the stream is trimmed")
