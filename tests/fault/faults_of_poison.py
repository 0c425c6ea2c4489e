"""Signals that kill, hang or exhaust whoever reads them, and entries that cannot be read."""

import contextlib
import os
import pathlib
import signal as signals
import time

import requests

import evidence
from fleet import Fleet
from processes import BUILD, wait_until
from sample_signals import signal
from trial import Skipped, Trial, settle, wait_flowing, wall_ms

CRASHES, SPINS, DEVOURS = "203.0.113.1", "203.0.113.2", "203.0.113.3"  # tests/fault/preload/poison_address.c
HANGS_S = 0.6  # sooner than the others rob it, so that what it held is known
CGROUPS = pathlib.Path("/sys/fs/cgroup/memory")
NO_UUID = {"v": "1", "id": "no-uuid", "signal": "{}", "received_at": "1"}
UNREADABLE = [
    {"v": "1"},
    {"v": "1", "id": "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90", "received_at": "1"},
    {**NO_UUID, "id": "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e91", "signal": "{not json"},
    {**NO_UUID, "id": "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e92", "signal": b"\xff\xfe"},
    {**NO_UUID, "id": "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e93", "received_at": "yesterday"},
    NO_UUID,
]


class Keeper:
    """Starts workers again that ended, as Kubernetes does, and kills those that hang. It lives in the test's own thread:
    programs end with the thread that started them."""

    def __init__(self, trial, on_start=lambda worker: None):
        self.trial, self.on_start = trial, on_start
        self.deaths = 0
        self.beats = {}

    def until(self, condition, limit_s, what):
        def tended():
            for worker in self.trial.fleet.workers:
                self.tend(worker)
            return condition()

        return wait_until(tended, limit_s, what)

    def tend(self, worker):
        if worker.alive() and self.hangs(worker):
            worker.send(signals.SIGKILL)
            worker.process.wait(10)
        if worker.alive():
            return
        worker.killed = True
        self.deaths += 1
        consumer = self.trial.consumer_of(worker)
        self.trial.wait_let_go()
        if consumer:
            self.trial.note_owner_loss(consumer, wall_ms())
        worker.start()
        self.on_start(worker)

    def hangs(self, worker):
        """Its heartbeat stands still: what a liveness probe would find."""
        beats = self.trial.fleet.store.hgetall("threats:workers")
        beat = next((value for name, value in beats.items() if f"-{worker.pid}-" in name), None)
        seen, since = self.beats.get(worker.pid, (None, 0))
        if (beat is None and seen is None) or (beat is not None and beat != seen):
            self.beats[worker.pid] = (beat, time.monotonic())
            return False
        return time.monotonic() - since > HANGS_S


def is_ready(worker):
    with contextlib.suppress(requests.RequestException):
        return worker.http.get(worker.url + "/ready", timeout=1).status_code == 200
    return False


@contextlib.contextmanager
def memory_group(limit_bytes):
    if os.geteuid() != 0 or not (CGROUPS / "memory.limit_in_bytes").exists():
        raise Skipped("memory limits need root and cgroup v1")
    folder = CGROUPS / f"soc-fault-{os.getpid()}"
    try:
        folder.mkdir()
        (folder / "memory.limit_in_bytes").write_text(str(limit_bytes))
    except OSError as error:
        raise Skipped(f"no memory cgroup can be made here: {error}") from None
    try:
        yield lambda worker: (folder / "cgroup.procs").write_text(str(worker.pid))
    finally:
        wait_until(lambda: removed(folder), 10, "the cgroup is gone")


def removed(folder):
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def poisoned_trial(size, address, on_start):
    library = BUILD / "bench" / "poison_address.so"
    settings = {"SOC_HEARTBEAT_MS": 100, "SOC_SUSPECT_MS": 1000, "SOC_DELIVERY_LIMIT": 3, "SOC_RETENTION_THREATS": 0}
    with Fleet(apis=2, workers=0, **settings) as fleet:
        for _ in range(3):
            on_start(fleet.add_worker(LD_PRELOAD=library))
        for worker in fleet.workers:
            worker.wait_ready()
        with Trial(fleet, rest_s=size["rest_s"]) as trial:
            settle(trial)
            trial.produce(rate=size["rate"])
            wait_flowing(trial)
            keeper = Keeper(trial, on_start)
            with trial.fault():
                for number in range(size["poisons"]):
                    answer = fleet.api.post_signal(signal(source_ip=address))
                    trial.claim(answer.status_code == 202, "I1", f"the poison was answered {answer.status_code}")
                    keeper.until(lambda: fleet.store.xlen(evidence.DEAD) > number, 60, "the poison is a dead letter")
                keeper.until(lambda: all(map(is_ready, fleet.workers)), 20, "all workers are there")
            trial.figures.kills = deaths = keeper.deaths
            trial.finish()
            trial.claim(trial.figures.failed == size["poisons"], "I1", f"{trial.figures.failed} dead letters of {size['poisons']} poisons")
            most = size["poisons"] * (int(settings["SOC_DELIVERY_LIMIT"]) + 1)
            trial.claim(deaths <= most, "I3", f"{deaths} workers died of {size['poisons']} poisons")
            return trial


def crashing(size):
    """a signal that crashes its worker"""
    return poisoned_trial(size, CRASHES, lambda worker: None)


def hanging(size):
    """a signal whose analysis never ends; a liveness probe kills the worker"""
    return poisoned_trial(size, SPINS, lambda worker: None)


def out_of_memory_killed(size):
    """a signal that takes memory without end, in workers under a cgroup's limit: the kernel kills them"""
    with memory_group(size["limit_bytes"]) as put_in:
        return poisoned_trial(size, DEVOURS, put_in)


def unreadable(size):
    """entries without fields, without a UUID, with no JSON, no UTF-8, no time: letters at once, nobody dies"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault():
            for _ in range(size["times"]):
                for entry in UNREADABLE:
                    fleet.store.xadd(evidence.STREAM, entry)
            count = size["times"] * len(UNREADABLE)
            wait_until(lambda: fleet.store.xlen(evidence.DEAD) >= count, 30, "all are dead letters")
        letters = fleet.store.xrange(evidence.DEAD)
        trial.claim(all(fields.get("reason") and fields.get("stage") for _, fields in letters), "I1", "letters without reason or stage")
        trial.sampler.paused = True
        trial.finish()
        trial.claim(all(worker.starts == 1 and worker.alive() for worker in fleet.workers), "I6", "a worker ended")
        return trial
