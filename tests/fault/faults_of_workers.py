"""Faults of workers: killed, all killed, stopped in turn, frozen and thawed."""

import random
import signal as signals
import time

import evidence
from fleet import Fleet
from processes import BUILD, TIME_SCALE, wait_until
from trial import Trial, settle, wait_flowing, wall_ms

CLAIMED_WITHIN_MS = 5000 * TIME_SCALE
CLAIM_P50_US = 1000 * TIME_SCALE
LINK_DEADLINE_S = 2
STOP_DELAY_MS = 1000 * TIME_SCALE


def kill_at_commit(trial, worker, commits):
    """It dies by itself with results ready and their script not sent."""
    worker.terminate()
    worker.environment.update(LD_PRELOAD=str(BUILD / "bench" / "poison_commit.so"), POISON_COMMIT=str(commits))
    worker.start()
    assert worker.process.wait(20) == -signals.SIGKILL
    del worker.environment["LD_PRELOAD"], worker.environment["POISON_COMMIT"]
    at_ms, consumer = wall_ms(), trial.consumer_of(worker)
    worker.killed = True
    trial.figures.kills += 1
    trial.wait_let_go()
    trial.note_owner_loss(consumer, at_ms)


def killed_at_random(size):
    """kill -9 of a worker at random points of its work, and between a result and the script that stores it"""
    # Somebody has to have watched for long enough to know that another is dead: not everyone dies within that time.
    dice = random.Random(size["seed"])
    with Fleet(apis=2, workers=4, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        producer = trial.produce(rate=size["rate"], connections=24)
        trial.produce(rate=size["rate"], connections=2, batch=250)  # bursts: workers are killed with their hands full
        ways = [trial.kill_worker, trial.kill_busy_worker, lambda worker: kill_at_commit(trial, worker, dice.randint(1, 50))]
        wait_flowing(trial)
        for number in range(size["kills"]):
            worker = dice.choice(fleet.workers)
            time.sleep(dice.uniform(0, size["pause_s"]))
            with trial.fault():
                ways[number % len(ways)](worker)
                worker.start()
            worker.wait_answering()
        wait_until(lambda: producer.told["sent"] >= size["signals"], 900, "the signals are sent")
        trial.finish()
        p99 = trial.summary()["redelivery_p99_ms"]
        trial.claim(p99 is not None, "I6", "nothing was pending with any worker that was killed")
        trial.claim(p99 is None or p99 <= CLAIMED_WITHIN_MS, "I6", f"redelivery p99 {p99} ms")
        return trial


def all_killed(size):
    """kill -9 of every worker with a backlog, then as many new ones"""
    with Fleet(apis=2, workers=3, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        for worker in fleet.workers:
            worker.terminate()
        trial.produce(count=size["signals"], batch=500, connections=4).wait_accepted(size["signals"], 300)
        trial.loaded_from_ms = wall_ms() + 500
        for worker in fleet.workers:
            worker.start()
        for worker in fleet.workers:
            worker.wait_ready()
        before = trial.stored()
        evidence.forget_latencies(fleet.store)
        wait_until(lambda: trial.stored() - before >= size["signals"] // 3, 300, "a third is finished")
        with trial.fault():
            for worker in fleet.workers:
                worker.killed = True
            names = [trial.consumer_of(worker) for worker in fleet.workers]
            for worker in fleet.workers:
                worker.send(signals.SIGKILL)
            at_ms = wall_ms()
            for worker in fleet.workers:
                worker.process.wait(10)
            trial.wait_let_go()
            for name in names:
                trial.note_owner_loss(name, at_ms)
            trial.figures.kills += len(names)
            for worker in fleet.workers:
                worker.start()
        trial.finish(limit_s=300)
        claimed = evidence.percentile_us(fleet.store, "xclaim", 50)  # of some ten calls
        trial.claim(claimed is not None and claimed <= CLAIM_P50_US, "I6", f"XCLAIM p50 {claimed} µs")
        return trial


def stopped_in_turn(size):
    """SIGTERM to one worker after the other under load, each replaced"""
    with Fleet(apis=2, workers=3, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        begun_ms = wall_ms()
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        codes = []
        for number in range(size["rollouts"]):
            for worker in fleet.workers:
                with trial.fault():
                    codes.append(worker.terminate())
                    worker.start()
                worker.wait_ready()
        trial.finish()
        trial.claim(set(codes) == {0}, "I6", f"exit codes {sorted(set(codes))}")
        longest = trial.longest_wait_ms(begun_ms)
        trial.claim(longest <= STOP_DELAY_MS, "I6", f"a threat waited {longest} ms")
        return trial


def frozen_and_thawed(size):
    """SIGSTOP of a busy worker until others have its entries, then SIGCONT"""
    settings = {"SOC_SUSPECT_MS": size["suspect_ms"], "SOC_HEARTBEAT_MS": size["suspect_ms"] // 6, "SOC_RETENTION_THREATS": 0}
    with Fleet(apis=2, workers=3, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.connections_lost = size["frozen_s"] > LINK_DEADLINE_S
        trial.produce(rate=size["rate"])
        trial.produce(rate=size["rate"], connections=2, batch=250)
        wait_flowing(trial)
        for number in range(size["freezes"]):
            worker = fleet.workers[number % len(fleet.workers)]
            held = trial.freeze_busy(worker)
            trial.note_owner_loss(trial.consumer_of(worker), wall_ms())
            with trial.fault():
                time.sleep(size["frozen_s"])
                worker.send(signals.SIGCONT)
            wait_until(lambda: worker.status("/health") == 200, 10, "the thawed worker answers")
            trial.claim(held > 0, "I3", "the frozen worker held nothing")
        return trial.finish()
