"""Who is dead is found within its time, whoever and however many they are, and leaves the group."""

import random
import signal as signals
import time

import pytest

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import varied
from test_false_alarms import assert_nobody_was_robbed, redeliveries
from test_workers_die import pending_with, post_batch

pytestmark = pytest.mark.plain

STREAM, GROUP = "threats:stream", "soc-workers"
REDELIVERY_LIMIT_S = 5 * TIME_SCALE


def test_after_many_kills_the_slowest_redelivery_is_in_time():
    """Killed while they hold entries, several at a time, so that it is short."""
    taken = []
    with Fleet(apis=1, workers=2) as fleet:
        victims = [fleet.add_worker() for _ in range(6)]
        for victim in victims:
            victim.wait_ready()
        killed_at, held = {}, {}
        for victim in random.sample(victims, len(victims)):
            victim.send(signals.SIGSTOP)
            wait_until(lambda: post_batch(fleet.api, varied(40)) and pending_with(fleet, victim), 10, "it holds entries")
            held[victim] = pending_with(fleet, victim)
            victim.kill()
            killed_at[victim] = time.monotonic()
        while killed_at:
            for victim in [victim for victim in killed_at if pending_with(fleet, victim) == 0]:
                taken += [time.monotonic() - killed_at.pop(victim)] * held[victim]
            assert all(time.monotonic() - at < 2 * REDELIVERY_LIMIT_S for at in killed_at.values()), "somebody was never found"
        fleet.wait_idle()
        assert redeliveries(fleet)["dead"] == len(taken)
    taken.sort()
    assert taken[int(len(taken) * 0.99)] < REDELIVERY_LIMIT_S, taken[-5:]
    assert taken[0] > 2, "nobody is given up rashly"


def test_after_a_clean_stop_it_takes_at_most_a_second():
    with Fleet(apis=1, workers=2) as fleet:
        leaver = fleet.workers[0]
        leaver.send(signals.SIGSTOP)
        wait_until(lambda: post_batch(fleet.api, varied(40)) and pending_with(fleet, leaver), 10, "it holds entries")
        leaver.send(signals.SIGTERM)
        leaver.send(signals.SIGCONT)
        assert leaver.process.wait(20) == 0
        left = time.monotonic()
        fleet.wait_idle(10)
        assert time.monotonic() - left < 1 * TIME_SCALE


def test_ten_thousand_stale_consumers_are_reaped_while_work_goes_on():
    count = 10_000
    with Fleet(apis=1, workers=2) as fleet:
        pipeline = fleet.store.pipeline(transaction=False)
        for i in range(count):
            pipeline.xgroup_createconsumer(STREAM, GROUP, f"gone-{i}")
        for i in range(0, count, 2):
            pipeline.hset("threats:workers", f"gone-{i}", i + 1)
        pipeline.execute()
        fleet.store.config_resetstat()
        ids = post_batch(fleet.api, varied(200))
        fleet.wait_completed(len(ids), 5 * TIME_SCALE)
        wait_until(lambda: len(fleet.store.xinfo_consumers(STREAM, GROUP)) <= 2, 60 * TIME_SCALE, "all are removed")
        wait_until(lambda: fleet.store.hlen("threats:workers") == 2, 10, "their heartbeats too")
        slowest = max(row["usec_per_call"] for name, row in fleet.store.info("commandstats").items() if name == "cmdstat_xinfo|consumers")
        assert slowest < 50_000
        assert_nobody_was_robbed(fleet)


def test_entries_of_more_dead_workers_than_a_fleet_has_are_all_found():
    """Each of many dead consumers holds one entry; half of them beat once."""
    count = 800
    with Fleet(apis=1, workers=0) as fleet:
        ids = post_batch(fleet.api, varied(800))
        fleet.store.xgroup_create(STREAM, GROUP, "0")
        pipeline = fleet.store.pipeline(transaction=False)
        for i in range(count):
            pipeline.xreadgroup(GROUP, f"gone-{i}", {STREAM: ">"}, count=1)
            if i % 2:
                pipeline.hset("threats:workers", f"gone-{i}", 7)
        pipeline.execute()
        fleet.add_worker().wait_ready()
        fleet.wait_completed(len(ids), 15 * TIME_SCALE)
        wait_until(lambda: len(fleet.store.xinfo_consumers(STREAM, GROUP)) <= 1, 30 * TIME_SCALE, "the consumers are removed")
