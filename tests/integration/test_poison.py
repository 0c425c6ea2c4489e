"""A signal that kills whoever handles it ends as a dead letter, and nothing else comes to harm."""

import collections
import time

from fleet import Fleet
from poison import Supervisor, add_worker, needs_preloading, poison
from processes import wait_until
from sample_signals import varied

LIMIT = 5
KINDS = [("segv", "analyze"), ("loop", "read"), ("alloc", "analyze"), ("kill", "commit")]
QUICK = {"SOC_HEARTBEAT_MS": 100, "SOC_SUSPECT_MS": 400}

pytestmark = needs_preloading


def post_batch(fleet, rows):
    answer = fleet.api.post("/api/threats/batch", rows)
    assert answer.status_code == 202 and answer.json()["accepted"] == len(rows), answer.text
    return answer.json()["ids"]


def ends_by_id(fleet):
    """How each threat ended; the log may have been cut before that."""
    found = collections.defaultdict(list)
    for _, fields in fleet.store.xrange("threats:log"):
        if fields["kind"] != "created":
            found[fields["id"]].append(fields["kind"])
    return found


def test_each_poison_is_buried_after_five_deliveries_and_every_neighbour_is_done_once():
    with Fleet(apis=1, workers=0, **QUICK) as fleet:
        workers = [add_worker(fleet) for _ in range(3)]
        for worker in workers:
            worker.wait_ready()
        with Supervisor(workers) as supervisor:
            bad, good = {}, []
            for how, stage in KINDS:
                rows = varied(60)
                ids = post_batch(fleet, rows[:30] + [poison(how, stage)] + rows[30:])
                bad[ids[30]] = stage
                good += ids[:30] + ids[31:]
            slowest = 0.0
            while fleet.store.xlen("threats:dead") < len(KINDS):
                began = time.monotonic()
                good += post_batch(fleet, varied(40))
                wait_until(lambda: fleet.redis.group()["lag"] == 0, 20, "others read on")
                slowest = max(slowest, time.monotonic() - began)
                assert len(supervisor.deaths) <= LIMIT * len(KINDS)
            wait_until(fleet.redis.idle, 20, "all is done")
            supervisor.wait_all_well()
            assert len(supervisor.deaths) <= LIMIT * len(KINDS)
        letters = {letter["id"]: letter for _, letter in fleet.store.xrange("threats:dead")}
        assert {id_: (row["reason"], row["stage"], row["deliveries"]) for id_, row in letters.items()} == {
            id_: ("poison", stage, str(LIMIT)) for id_, stage in bad.items()
        }
        ends = ends_by_id(fleet)
        assert {id_: ends[id_] for id_ in good if ends[id_] != ["completed"]} == {}
        assert all(ends[id_] == ["failed"] for id_ in bad)
        assert len(ends) == len(good) + len(bad)
        assert len(supervisor.deaths) >= 3 * len(KINDS), "each was alone three times"
        assert slowest < 5, "the fleet was never blocked"


def test_a_lone_worker_gets_through_too():
    with Fleet(apis=1, workers=0, **QUICK) as fleet:
        worker = add_worker(fleet).wait_ready()
        with Supervisor([worker]) as supervisor:
            rows = varied(100)
            ids = post_batch(fleet, rows[:50] + [poison("segv", "analyze"), poison("kill", "read")] + rows[50:])
            wait_until(lambda: fleet.store.xlen("threats:dead") == 2, 60, "both are buried")
            wait_until(fleet.redis.idle, 20, "all is done")
            supervisor.wait_all_well()
            assert len(supervisor.deaths) <= 2 * LIMIT
        ends = ends_by_id(fleet)
        assert [ends[id_] for id_ in ids] == [["completed"]] * 50 + [["failed"]] * 2 + [["completed"]] * 50
