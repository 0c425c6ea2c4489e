"""Faults of a replicated Redis: the master dies, stands still or answers nobody, and another follows; a replica is cut
off."""

import itertools
import json
import signal as signals
import threading
import time

from faults_of_entries import post_together
from processes import TIME_SCALE, wait_until
from replication import ReplicatedFleet
from tcp_proxy import TO_CLIENT, TO_SERVER, TcpProxy
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


CUTS = [(), (TO_CLIENT,), (TO_SERVER,)]  # the replica is the proxy's client
ANOTHER_SERVER = {"I5": "another server than before"}


def failed_over(size):
    """kill -9, SIGSTOP or CLIENT PAUSE of the master; every 202 was on a replica (SOC_WAIT_REPLICAS=1)"""
    settings = dict(SOC_WAIT_REPLICAS=1, SOC_RETENTION_THREATS=0)
    with ReplicatedFleet(apis=2, workers=2, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=ANOTHER_SERVER) as trial:
        settle(trial, count=size["rate"])
        trial.connections_lost = True
        producer = trial.produce(rate=size["rate"], patience_ms=60_000)
        wait_flowing(trial, size["between_s"])
        trial.sampler.paused = True
        old = fleet.master
        with trial.fault():
            at_ms = wall_ms()
            ACTS[size["act"]](old)
            trial.may_unsay.append((at_ms - UNCONFIRMED_MS, at_ms + UNCONFIRMED_MS))
            fleet.wait_failover(old.port)
            announced = time.monotonic()
        fleet.redis = fleet.master
        before = producer.told["accepted"]
        wait_until(lambda: producer.told["accepted"] > before, 20, "signals are taken by the new master")
        took_s = time.monotonic() - announced
        trial.figures.recovery_ms.append(int(took_s * 1000))
        trial.claim(took_s <= FOLLOWED_WITHIN_S, "I6", f"followed {took_s:.1f} s after the announcement")
        wait_flowing(trial, size["between_s"])
        producer.end_input()
        wait_until(producer.ended, 120, "the producer is done")
        trial.wait_idle(120)
        # Without time on the processor a Sentinel takes the new master for down as well: what that one told goes with it.
        if fleet.failovers() > 1:
            trial.may_unsay.append((at_ms, wall_ms()))
        return trial.finish()


def failed_over_and_back(size):
    """kill -9 of each master in turn, each back as a replica; every 202 was on all replicas (SOC_WAIT_REPLICAS=2)"""
    settings = dict(SOC_WAIT_REPLICAS=2, SOC_WAIT_TIMEOUT_MS=500 * TIME_SCALE, SOC_RETENTION_THREATS=0)
    with ReplicatedFleet(apis=2, workers=2, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=ANOTHER_SERVER) as trial:
        settle(trial, count=size["rate"])
        trial.connections_lost = True
        producer = trial.produce(rate=size["rate"], patience_ms=120_000)
        wait_flowing(trial)
        trial.sampler.paused = True
        for _ in range(size["times"]):
            old, at_ms = fleet.master, wall_ms()
            with trial.fault():
                old.kill()
                fleet.wait_failover(old.port)
                fleet.redis = fleet.master
                trial.may_unsay.append((at_ms - UNCONFIRMED_MS, wall_ms() + UNCONFIRMED_MS))
                refused = producer.told["refused"]
                wait_until(lambda: producer.told["refused"] > refused, 20, "one replica is no silent yes")
                old.start(follows=fleet.master)
                before = producer.told["accepted"]
                wait_until(lambda: producer.told["accepted"] > before, 60, "signals are taken again by itself")
            wait_until(lambda: all(one.synchronized() for one in fleet.replicas) and len(fleet.replicas) == 2, 60, "both replicas follow")
            wait_until(lambda: fleet.sentinels[0].knows_all(2, len(fleet.sentinels)), 30, "the Sentinels know both")
        return trial.finish()


def replica_cut_off(size):
    """the way between Redis and its replica is cut, whole or one way: no 202 that the replica has not, and it catches up"""
    settings = dict(SOC_WAIT_REPLICAS=1, SOC_WAIT_TIMEOUT_MS=500 * TIME_SCALE, SOC_RETENTION_THREATS=0)
    with TcpProxy(0) as proxy, ReplicatedFleet(replicas=1, sentinels=0, apis=2, workers=2, replica_way=proxy, **settings) as fleet:
        with Trial(fleet, rest_s=size["rest_s"]) as trial:
            settle(trial, count=size["rate"])
            producer = trial.produce(rate=size["rate"], patience_ms=120_000)
            replica = fleet.servers[1]
            for way in itertools.islice(itertools.cycle(CUTS), size["cuts"]):
                wait_flowing(trial)
                with trial.fault():
                    proxy.hold(*way)
                    refused = producer.told["refused"]
                    wait_until(lambda: producer.told["refused"] > refused, 20, "signals are refused")
                    accepted = producer.told["accepted"]
                    time.sleep(size["cut_s"])
                    unconfirmed = producer.told["accepted"] - accepted
                    trial.claim(unconfirmed == 0, "I1", f"{unconfirmed} were accepted while the replica was cut off")
                    proxy.let_go()
                    proxy.reset()
                wait_until(lambda: producer.told["accepted"] > accepted, 60, "signals are taken again by itself")
            trial.finish()
            wait_until(lambda: caught_up(fleet.servers[0], replica), 30, "the replica holds the same")  # heartbeats go on
            return trial


def caught_up(master, replica):
    return replica.synchronized() and digest(master) == digest(replica)


def digest(server):
    return server.client.execute_command("DEBUG", "DIGEST")


def same_signal_across_failover(size):
    """the same signal and Idempotency-Key a hundred times at once, over all APIs, while the master is killed"""
    settings = dict(SOC_WAIT_REPLICAS=1, SOC_RETENTION_THREATS=0)
    with ReplicatedFleet(apis=2, workers=2, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"], unchecked=ANOTHER_SERVER) as trial:
        settle(trial, count=size["rate"])
        trial.connections_lost = True
        trial.produce(rate=size["rate"], patience_ms=60_000)
        wait_flowing(trial)
        trial.sampler.paused = True
        old, answers = fleet.master, {}
        with trial.fault():
            at_ms = wall_ms()
            killer = threading.Timer(size["after_s"], old.kill)
            for number in range(size["keys"]):
                answers[number] = post_together(fleet, f"across-{number}", size["copies"], killer if number == size["keys"] // 2 else None)
            killer.join()
            fleet.wait_failover(old.port)
            fleet.redis = fleet.master
            trial.may_unsay.append((at_ms - UNCONFIRMED_MS, wall_ms() + UNCONFIRMED_MS))
            for program in fleet.programs:
                program.wait_ready()
        for number, heard in answers.items():
            heard += post_together(fleet, f"across-{number}", size["copies"], None)
            ids = {json.loads(body)["id"] for status, body in heard if status == 202}
            odd = {status for status, _ in heard} - {202, 503, 0}
            trial.claim(len(ids) == 1 and not odd, "I1", f"key {number} got {sorted(ids)}, answers {sorted(odd)}")
        return trial.finish()
