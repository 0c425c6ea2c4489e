"""Clocks that are wrong or jump, with libfaketime under our programs. redis-server does not start under it, so Redis'
own clock is not among these."""

import pathlib
import time

from fleet import Fleet
from processes import TIME_SCALE
from trial import Skipped, Trial, settle, wait_flowing

LIBRARIES = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]
CLAIMED_WITHIN_MS = 5000 * TIME_SCALE


def library():
    found = next((path for path in LIBRARIES if pathlib.Path(path).exists()), None)
    if found is None:
        raise Skipped("libfaketime is not installed (scripts/install-dependencies test)")
    return found


def skewed(size):
    """workers and an API an hour ahead and behind, then a step of an hour, while a worker is killed"""
    clock = {"LD_PRELOAD": library(), "FAKETIME_DONT_FAKE_MONOTONIC": 1, "FAKETIME_NO_CACHE": 1}
    with Fleet(apis=0, workers=0, SOC_RETENTION_THREATS=0) as fleet:
        files = [fleet.folder / f"clock{number}" for number in range(3)]
        set_clocks(files, ("+3600", "-3600", "+3600"))
        under = [{**clock, "FAKETIME_TIMESTAMP_FILE": path} for path in files]
        fleet.add_api()
        fleet.add_api(**under[2])
        for settings in (under[0], under[1], {}):
            fleet.add_worker(**settings)
        for program in fleet.programs:
            program.wait_ready()
        with Trial(fleet, rest_s=size["rest_s"]) as trial:
            settle(trial)
            trial.produce(rate=size["rate"])
            trial.produce(rate=size["rate"], connections=1, batch=250)
            wait_flowing(trial)
            for number in range(size["steps"]):
                back = number % 2 == 0
                with trial.fault():
                    set_clocks(files, ("-3600", "+3600", "-3600") if back else ("+3600", "-3600", "+3600"))
                wait_flowing(trial, 3.5)  # longer than the silence after which a worker is taken for dead
            with trial.fault():
                trial.kill_busy_worker(fleet.workers[2])
                fleet.workers[2].start()
            trial.finish()
            p99 = trial.summary()["redelivery_p99_ms"]
            trial.claim(p99 is None or p99 <= CLAIMED_WITHIN_MS, "I6", f"redelivery p99 {p99} ms")
            return trial


def set_clocks(files, offsets):
    for path, offset in zip(files, offsets):
        path.write_text(offset + "\n")
