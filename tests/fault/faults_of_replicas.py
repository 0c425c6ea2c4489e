"""Faults of a replicated Redis under Sentinels: the master dies, stands still or answers nobody, and another follows."""

import signal as signals
import time

from processes import TIME_SCALE, wait_until
from replication import ReplicatedFleet
from trial import Trial, settle, wait_flowing, wall_ms

UNCONFIRMED_MS = 1000  # rows of results are not waited for: replicas may lack the last ones
FOLLOWED_WITHIN_S = 2 * TIME_SCALE  # of the new master's announcement


def kill(master):
    master.kill()


def stop(master):
    master.send(signals.SIGSTOP)


def pause(master):
    master.client.execute_command("CLIENT", "PAUSE", 30_000, "ALL")


ACTS = {"killed": kill, "stopped": stop, "paused": pause}


def failed_over(size):
    """kill -9, SIGSTOP or CLIENT PAUSE of the master; every 202 was on a replica (SOC_WAIT_REPLICAS=1)"""
    settings = dict(SOC_WAIT_REPLICAS=1, SOC_RETENTION_THREATS=0)
    unchecked = {"I5": "another server than before"}
    with ReplicatedFleet(apis=2, workers=2, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=unchecked) as trial:
        settle(trial, count=size["rate"])
        trial.connections_lost = True
        producer = trial.produce(rate=size["rate"], patience_ms=60_000)
        wait_flowing(trial, size["between_s"])
        trial.sampler.paused = True
        old = fleet.master
        with trial.fault():
            at_ms = wall_ms()
            ACTS[size["act"]](old)
            trial.may_unsay = (at_ms - UNCONFIRMED_MS, at_ms + UNCONFIRMED_MS)
            fleet.wait_failover(old.port)
            announced = time.monotonic()
        fleet.redis = fleet.master
        before = producer.told["accepted"]
        wait_until(lambda: producer.told["accepted"] > before, 20, "signals are taken by the new master")
        took_s = time.monotonic() - announced
        trial.figures.recovery_ms.append(int(took_s * 1000))
        trial.claim(took_s <= FOLLOWED_WITHIN_S, "I6", f"followed {took_s:.1f} s after the announcement")
        wait_flowing(trial, size["between_s"])
        return trial.finish()
