"""Workers that are killed, stopped or frozen lose nothing and do nothing twice."""

import collections
import json
import signal as signals
import time

from fleet import Fleet
from live_client import FollowingClient
from processes import TIME_SCALE, wait_until
from sample_signals import varied

CLAIM_LIMIT_S = 5 * TIME_SCALE
REDELIVERY_LIMIT_S = 4 * TIME_SCALE  # below the time after which a silent worker is given up


def post_batch(api, batch):
    answer = api.post("/api/threats/batch", batch)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == len(batch)
    return answer.json()["ids"]


def pending_with(fleet, worker):
    """Entries pending for this process: its pid is in its consumer's name."""
    consumers = fleet.store.xinfo_consumers("threats:stream", "soc-workers")
    return sum(row["pending"] for row in consumers if f"-{worker.process.pid}-" in row["name"])


def freeze_with_entries(fleet, worker):
    """Stops a worker so that entries are pending with it and nowhere else; returns all threats' ids."""
    worker.send(signals.SIGSTOP)
    ids = []
    before = fleet.store.zcard("threats:by_created")

    def holds_some():
        ids.extend(post_batch(fleet.api, varied(50)))
        return pending_with(fleet, worker) > 0

    wait_until(holds_some, 10, "the frozen worker was given entries")
    held = pending_with(fleet, worker)
    wait_until(lambda: fleet.store.zcard("threats:by_created") - before >= len(ids) - held, 10, "the others finished their part")
    return ids


def assert_once(fleet, ids, client):
    """Every id stored, logged, announced and counted once."""
    client.wait_for("new_threat", len(ids))
    fleet.wait_idle()
    told = [message["data"]["id"] for message in client.messages("new_threat")]
    assert sorted(told) == sorted(ids)
    rows = collections.Counter(fields["kind"] for _, fields in fleet.store.xrange("threats:log"))
    assert rows == {"created": len(ids), "completed": len(ids)}
    assert fleet.store.zcard("threats:by_created") == len(ids)
    totals = [int(fleet.store.get(key).split()[0]) for key in fleet.store.scan_iter("history:customer:*", count=1000)]
    assert sum(totals) == len(ids)
    assert fleet.store.xlen("threats:dead") == 0
    for id_ in ids[::25]:
        assert json.loads(fleet.store.hget(f"threat:{id_}", "data"))["status"] == "completed"


def test_one_killed_and_one_stopped_half_way():
    with Fleet(apis=2, workers=3) as fleet, FollowingClient(fleet.apis[1]) as client:
        ids = freeze_with_entries(fleet, fleet.workers[0])
        fleet.workers[0].kill()
        killed_at = time.monotonic()
        for i in range(6):
            ids += post_batch(fleet.apis[i % 2], varied(200))
            if i == 3:
                fleet.workers[1].send(signals.SIGTERM)
        fleet.wait_completed(len(ids), CLAIM_LIMIT_S + 1)
        assert time.monotonic() - killed_at < CLAIM_LIMIT_S + 1
        assert fleet.workers[1].process.wait(20) == 0
        assert_once(fleet, ids, client)


def test_a_frozen_worker_wakes_up_and_is_fenced():
    with Fleet(apis=1, workers=2) as fleet, FollowingClient(fleet.api) as client:
        frozen = fleet.workers[0]
        ids = freeze_with_entries(fleet, frozen)
        fleet.wait_completed(len(ids), 10)
        frozen.send(signals.SIGCONT)
        wait_until(lambda: frozen.status("/health") == 200, 10, "the frozen worker answers again")
        fleet.wait_idle()
        assert_once(fleet, ids, client)
        more = post_batch(fleet.api, varied(200))
        fleet.wait_completed(len(ids) + len(more), 10)
        assert_once(fleet, ids + more, client)


def test_sigterm_hands_back_what_was_not_started():
    with Fleet(apis=1, workers=1) as fleet, FollowingClient(fleet.api) as client:
        (worker_name,) = fleet.store.hkeys("threats:workers")
        ids = []
        for _ in range(5):
            ids += post_batch(fleet.api, varied(1000))
        assert fleet.workers[0].terminate() == 0
        left = {row["name"]: row["pending"] for row in fleet.store.xinfo_consumers("threats:stream", "soc-workers")}
        assert worker_name not in left, "it left the group"
        fleet.add_worker().wait_ready()
        fleet.wait_completed(len(ids), REDELIVERY_LIMIT_S)
        assert_once(fleet, ids, client)


def test_all_workers_killed_then_one_new():
    with Fleet(apis=1, workers=2) as fleet, FollowingClient(fleet.api) as client:
        ids = []
        for _ in range(3):
            ids += post_batch(fleet.api, varied(1000))
        for worker in fleet.workers:
            worker.kill()
        fleet.add_worker().wait_ready()
        fleet.wait_completed(len(ids), 20)
        assert_once(fleet, ids, client)
        wait_until(
            lambda: len(fleet.store.xinfo_consumers("threats:stream", "soc-workers")) == 1, 30, "the dead consumers are removed"
        )


def test_workers_come_and_go_under_load():
    """Killed and stopped in turn with a backlog before them; whoever takes over has the context to judge with."""
    with Fleet(apis=2, workers=3) as fleet:
        ids = []
        for i in range(20):
            ids += post_batch(fleet.apis[i % 2], varied(1000))
            if i % 4 == 3:
                victim = next(worker for worker in fleet.workers if worker.alive())
                if i % 8 == 3:
                    victim.kill()
                else:
                    assert victim.terminate() == 0
                fleet.add_worker()
        fleet.wait_completed(len(ids), 60)
        fleet.wait_idle(30)
        completed = collections.Counter(fields["id"] for _, fields in fleet.store.xrange("threats:log") if fields["kind"] == "completed")
        assert completed == collections.Counter(ids)
        assert fleet.store.xlen("threats:dead") == 0
        pipeline = fleet.store.pipeline(transaction=False)
        for id_ in ids:
            pipeline.hget(f"threat:{id_}", "data")
        assert not any('"available":false' in body for body in pipeline.execute())
        for api in fleet.apis:
            wait_until(lambda: api.get("/api/stats").json()["by_status"]["completed"] == len(ids), 20, "the catalog caught up")
