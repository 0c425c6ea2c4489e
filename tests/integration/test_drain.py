"""SIGTERM: what was begun is finished, the rest is with others at once; at the deadline, or at a second signal, a
worker ends whatever is missing, and nothing is lost."""

import signal as signals
import time

import pytest

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import varied
from test_workers_die import assert_once, pending_with, post_batch
from live_client import FollowingClient

ADDED_LATENCY_S = 1 * TIME_SCALE


def fleet_with_backlog(fleet, batches=3):
    ids = []
    for _ in range(batches):
        ids += post_batch(fleet.api, varied(1000))
    return ids


def ended_within(worker, limit_s):
    began = time.monotonic()
    code = worker.process.wait(limit_s + 20)
    took = time.monotonic() - began
    assert took < limit_s, f"it took {took:.2f} s"
    return code


def test_under_load_it_ends_before_the_deadline_and_others_go_on_at_once():
    with Fleet(apis=1, workers=2) as fleet, FollowingClient(fleet.api) as client:
        ids = []
        for i in range(6):
            ids += fleet_with_backlog(fleet, 1)
            leaver = fleet.workers[i]
            fleet.add_worker()
            leaver.send(signals.SIGTERM)
            assert ended_within(leaver, 3 * TIME_SCALE) == 0
            assert pending_with(fleet, leaver) == 0
        fleet.wait_completed(len(ids), 30)
        assert_once(fleet, ids, client)


def test_entries_of_a_late_reply_are_redelivered_within_a_second():
    """Redis stands still while the leaver's read is on its way: the reply comes after SIGTERM and is handed back whole."""
    with Fleet(apis=1, workers=1) as fleet, FollowingClient(fleet.api) as client:
        leaver = fleet.workers[0]
        leaver.send(signals.SIGSTOP)
        ids = post_batch(fleet.api, varied(40))
        wait_until(lambda: pending_with(fleet, leaver) > 0, 10, "Redis has answered its read")
        other = fleet.add_worker()
        leaver.send(signals.SIGTERM)
        leaver.send(signals.SIGCONT)
        assert ended_within(leaver, 3 * TIME_SCALE) == 0
        left = time.monotonic()
        other.wait_ready()
        fleet.wait_completed(len(ids), 10)
        assert time.monotonic() - left < ADDED_LATENCY_S + 0.5
        assert_once(fleet, ids, client)
        released = other.metric("soc_redeliveries_total", reason="released")
        others_reasons = [other.metric("soc_redeliveries_total", reason=reason) for reason in ("dead", "vanished")]
        assert others_reasons == [0, 0]
        if released:
            lines = [line for line in leaver.logged() if line["message"] == "entries handed back"]
            assert sum(line["count"] for line in lines) == released
            assert len(lines) <= 2, "in bulk"
        assert all(row["times_delivered"] == 1 for row in fleet.store.xpending_range("threats:stream", "soc-workers", "-", "+", 100))


@pytest.mark.parametrize("second", [signals.SIGTERM, signals.SIGINT])
def test_a_second_signal_ends_it_at_once(second):
    with Fleet(apis=1, workers=1, SOC_DRAIN_DEADLINE_SECONDS=60) as fleet, FollowingClient(fleet.api) as client:
        leaver = fleet.workers[0]
        fleet.redis.send(signals.SIGSTOP)
        leaver.send(signals.SIGTERM)
        wait_until(lambda: any(line["message"] == "stopping" for line in leaver.logged()), 10, "it drains")
        assert leaver.alive()
        leaver.send(second)
        assert ended_within(leaver, 1 * TIME_SCALE) == 0
        fleet.redis.send(signals.SIGCONT)
        ids = post_batch(fleet.api, varied(100))
        fleet.add_worker().wait_ready()
        fleet.wait_completed(len(ids), 10)
        assert_once(fleet, ids, client)


@pytest.mark.parametrize("over_tcp", [False, True])
def test_at_the_deadline_it_ends_though_redis_stands_still(over_tcp):
    """What it holds cannot be committed: the analyses are lost with it, the entries are not."""
    with Fleet(apis=1, workers=1, over_tcp=over_tcp, SOC_DRAIN_DEADLINE_SECONDS=1) as fleet, FollowingClient(fleet.api) as client:
        leaver = fleet.workers[0]
        leaver.send(signals.SIGSTOP)
        ids = post_batch(fleet.api, varied(200))
        wait_until(lambda: pending_with(fleet, leaver) > 0, 10, "it was given entries")
        fleet.redis.send(signals.SIGSTOP)
        leaver.send(signals.SIGCONT)
        wait_until(lambda: leaver.status("/health") == 200, 10, "it runs on")
        leaver.send(signals.SIGTERM)
        assert ended_within(leaver, 1 + 1 * TIME_SCALE) == 0
        fleet.redis.send(signals.SIGCONT)
        fleet.add_worker().wait_ready()
        fleet.wait_completed(len(ids), 5 * TIME_SCALE)
        assert_once(fleet, ids, client)


def test_without_redis_the_deadline_holds_too():
    with Fleet(apis=0, workers=1, SOC_DRAIN_DEADLINE_SECONDS=1) as fleet:
        (leaver,) = fleet.workers
        fleet.redis.kill()
        wait_until(lambda: leaver.status("/ready") == 503, 10, "it noticed")
        leaver.send(signals.SIGTERM)
        assert ended_within(leaver, 1 + 1 * TIME_SCALE) == 0
