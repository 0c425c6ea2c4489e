"""Who lives is never taken for dead: not without processor time, not while Redis stands still, not when clocks step."""

import datetime
import multiprocessing
import os
import pathlib
import signal as signals
import time

import pytest

from fleet import Fleet
from processes import built_with_sanitizers, wait_until
from sample_signals import varied
from test_workers_die import post_batch

pytestmark = [pytest.mark.plain, pytest.mark.alone]

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
REASONS = ("dead", "released", "vanished", "own")


def redeliveries(fleet):
    workers = [worker for worker in fleet.workers if worker.alive()]
    return {reason: sum(worker.metric("soc_redeliveries_total", reason=reason) for worker in workers) for reason in REASONS}


def assert_nobody_was_robbed(fleet):
    assert redeliveries(fleet) == dict.fromkeys(REASONS, 0)
    assert sum(worker.metric("soc_fenced_total") for worker in fleet.workers) == 0
    assert all(fields["kind"] in ("created", "completed") for _, fields in fleet.store.xrange("threats:log"))


def burn():
    while True:
        pass


def test_nobody_is_robbed_while_everybody_fights_for_the_processor():
    burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(2 * os.cpu_count())]
    with Fleet(apis=1, workers=3) as fleet:
        for burner in burners:
            burner.start()
        try:
            count = 0
            began = time.monotonic()
            while time.monotonic() - began < 5:
                count += len(post_batch(fleet.api, varied(100)))
            fleet.wait_completed(count, 60)
            fleet.wait_idle()
        finally:
            for burner in burners:
                burner.kill()
        assert_nobody_was_robbed(fleet)


def test_nobody_is_robbed_when_redis_stands_still_for_three_seconds():
    with Fleet(apis=1, workers=3) as fleet:
        ids = post_batch(fleet.api, varied(1000))
        fleet.redis.send(signals.SIGSTOP)
        stopped = time.monotonic()
        wait_until(lambda: time.monotonic() - stopped > 3, 10, "three seconds went by")
        fleet.redis.send(signals.SIGCONT)
        fleet.api.wait_ready()  # its connections may have been given up meanwhile
        ids += post_batch(fleet.api, varied(1000))
        fleet.wait_completed(len(ids))
        fleet.wait_idle()
        assert_nobody_was_robbed(fleet)


@pytest.mark.skipif(FAKETIME is None or built_with_sanitizers(), reason="needs libfaketime, which a sanitizer's runtime does not suffer")
@pytest.mark.parametrize("step", ["+1h", "-1h"])
def test_nobody_is_robbed_when_clocks_step(tmp_path, step):
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": clock,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        "FAKETIME_NO_CACHE": 1,
    }
    with Fleet(apis=1, workers=1, SOC_HEARTBEAT_MS=200, SOC_SUSPECT_MS=1500) as fleet:
        stepping = [fleet.add_worker(**faked) for _ in range(2)]
        for worker in stepping:
            worker.wait_ready()
        ids = post_batch(fleet.api, varied(500))
        stepped = time.monotonic()
        clock.write_text(f"{step}\n")
        while time.monotonic() - stepped < 2:  # longer than a silent worker is waited for
            ids += post_batch(fleet.api, varied(50))
        fleet.wait_completed(len(ids))
        fleet.wait_idle()
        assert_nobody_was_robbed(fleet)
        assert stepping[0].terminate() == stepping[1].terminate() == 0
        lines = [worker.logged()[-1] for worker in stepping]
        hours = [abs(time.time() - logged_time(line)) / 3600 for line in lines]
        assert all(0.9 < hour < 1.1 for hour in hours), "their clocks did step"


def logged_time(line):
    return datetime.datetime.fromisoformat(line["timestamp"].replace("Z", "+00:00")).timestamp()
