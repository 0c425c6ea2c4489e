"""Redis with Sentinels: its master dies, falls silent, is rolled, while signals come in and clients listen."""

import os

import pytest

from cluster import POLL_S
from faults_of_replicas import UNCONFIRMED_MS
from load import FIXED_NUMBERS, RATE, RECOVERY_LIMIT_S, WATCHERS, Load, complaints, summary
from trial import wall_ms
from waiting import wait_until

TIMES = range(int(os.environ.get("SOC_CLUSTER_FAILOVERS", "1")))


@pytest.fixture(scope="module")
def replicated(deploy):
    made = deploy(
        "replication",
        *FIXED_NUMBERS,
        *("--set", "redis.architecture=replication,redis.resources.requests.cpu=50m"),
        *("--set", "api.settings.SOC_WAIT_REPLICAS=1,api.settings.SOC_RETENTION_THREATS=0"),  # the auditor knows no retention
    )
    made.wait_ready("redis", 3)
    return made


def roles(release):
    return {pod: release.redis_cli("role", pod=pod).split()[0] for pod in release.ready("redis")}


def wait_replicated(release):
    def whole():
        told = roles(release)
        return sorted(told.values()) == ["master", "slave", "slave"] and told

    return wait_until(whole, 120, "one master and two replicas", POLL_S)


def let_unsay(load, from_ms):
    """What the old master's log told before a replica had it, until now: clients are told to start over."""
    load.may_unsay.append((from_ms - UNCONFIRMED_MS, wall_ms()))


def finish_and_audit(release, load):
    master = release.master()
    audit, told = load.finish(master)
    return master, audit, told


@pytest.mark.parametrize("number", TIMES)
def test_the_master_is_killed(replicated, tmp_path, report, number):
    wait_replicated(replicated)
    old = replicated.master()
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        at_ms = wall_ms()
        replicated.kill(old)
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        let_unsay(load, at_ms)
        wait_replicated(replicated)
        load.flow(3)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"{number}: {old} killed, {master} is the master; 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert complaints(audit) == {}


def test_the_master_falls_silent(replicated, tmp_path, report):
    """Longer than Sentinels bear it: another one takes over, and the old one follows it when it is back."""
    wait_replicated(replicated)
    old = replicated.master()
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        at_ms = wall_ms()
        replicated.kubectl("exec", old, "--container=redis", "--", "redis-cli", "client", "pause", "15000", "all")
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        let_unsay(load, at_ms)
        wait_replicated(replicated)
        load.flow(3)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"{old} silent for 15 s, {master} is the master; 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert master != old and complaints(audit) == {}


@pytest.mark.parametrize("number", TIMES)
def test_redis_rolls_with_a_handover(replicated, tmp_path, report, number):
    """A change of its configuration: each is stopped in turn, the master after it has handed over."""
    wait_replicated(replicated)
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        seconds = replicated.upgrade("--set", f"redis.maxmemoryPercent={60 + number % 2}")
        wait_replicated(replicated)
        load.wait_recovered(RECOVERY_LIMIT_S)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"three Redis rolled in {seconds:.1f} s, {master} is the master; {summary(audit, told)}")
    assert complaints(audit) == {}
