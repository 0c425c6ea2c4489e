"""Faults of workers: killed, all killed, stopped in turn, frozen and thawed, out of memory."""

import random
import signal as signals
import time

from fleet import Fleet
from processes import TIME_SCALE, wait_until
from trial import Trial, wall_ms

CLAIMED_WITHIN_MS = 5000 * TIME_SCALE
CONSUMERS_GONE_S = 90


def settle(trial, count=1000, rate=2000):
    """A warm-up to the baseline."""
    trial.produce(count=count, rate=rate)
    trial.rest()


def wait_served(trial, share_s=0.5):
    """The load runs: signals come out at its end."""
    before = trial.stored()
    wait_until(lambda: trial.stored() > before, 20, "threats are finished")
    time.sleep(share_s)


def killed_at_random(size):
    """F1: kill -9 of a worker at random points of its work."""
    dice = random.Random(size["seed"])
    with Fleet(apis=2, workers=4, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        producer = trial.produce(rate=size["rate"], connections=24)
        trial.produce(rate=size["rate"], connections=2, batch=250)  # bursts: workers are killed with their hands full
        wait_served(trial)
        for _ in range(size["kills"]):
            worker = dice.choice(fleet.workers)
            time.sleep(dice.uniform(0, size["pause_s"]))
            with trial.fault():
                trial.kill_worker(worker)
                worker.start()
            worker.wait_answering()
        wait_until(lambda: producer.told["sent"] >= size["signals"], 600, "the signals are sent")
        trial.finish()
        p99 = trial.summary()["redelivery_p99_ms"]
        trial.claim(p99 is not None, "I6", "nothing was pending with any worker that was killed")
        trial.claim(p99 is None or p99 <= CLAIMED_WITHIN_MS, "I6", f"redelivery p99 {p99} ms")
        return trial
