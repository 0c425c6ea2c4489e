"""Sentinel: the master is found, a failover is followed within 2 s of the promotion, and no 202 is lost or done
twice by it."""

import contextlib
import signal as signals
import time

import pytest
import redis

from posting import Poster, assert_completed_once
from processes import TIME_SCALE, wait_until
from replication import MASTER_NAME, ReplicatedFleet
from sample_signals import signal, varied

pytestmark = pytest.mark.plain

FOLLOW_S = 2 * TIME_SCALE


def names_of(server):
    return [row["name"] for row in server.client.client_list()]


def connections(server):
    return sorted(name for name in names_of(server) if name.startswith("soc-"))


def ages(sentinel):
    """Of our connections to it, in seconds; only when both programs have one."""
    found = [int(row["age"]) for row in sentinel.client.client_list() if row["name"].startswith("sentinel-localhost")]
    return found if len(found) == 2 else []


def first_202_after(posters, moment):
    return min((when for poster in posters for when, _ in poster.taken if when >= moment), default=None)


def stop_master(fleet, how):
    master = fleet.master
    if how == "killed":
        master.kill()
    else:
        master.send(signals.SIGSTOP)
    return master


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_failover_under_load_loses_and_doubles_nothing(how):
    with ReplicatedFleet(apis=2, workers=2, SOC_WAIT_REPLICAS=1) as fleet:
        posters = [Poster(api, f"failover-{number}") for number, api in enumerate(fleet.apis * 2)]
        for poster in posters:
            poster.start()
        try:
            wait_until(lambda: sum(len(poster.taken) for poster in posters) >= 300, 30, "signals are taken")
            old = stop_master(fleet, how)
            announced = fleet.wait_failover(old.port)
            resumed = wait_until(lambda: first_202_after(posters, announced), 20, "a signal is taken by the new master")
            done = fleet.store.zcard("threats:by_created")
            wait_until(lambda: fleet.store.zcard("threats:by_created") > done, 20, "workers go on")
            worked = time.monotonic()
            target = sum(len(poster.taken) for poster in posters) + 200
            wait_until(lambda: sum(len(poster.taken) for poster in posters) >= target, 30, "signals are taken again")
            if how == "stopped":
                old.send(signals.SIGCONT)
                wait_until(lambda: connections(old) == [], 10, "nobody stays with the old master, whatever it thinks it is")
        finally:
            for poster in posters:
                poster.finish()
        print(f"{how}: first 202 {resumed - announced:.2f} s, workers {worked - announced:.2f} s after the announcement")
        assert resumed - announced < FOLLOW_S
        assert worked - announced < FOLLOW_S
        fleet.wait_idle()
        assert_completed_once(fleet, posters)
        assert all(program.status("/ready") == 200 for program in fleet.programs)


def test_a_master_is_found_whatever_one_sentinel_says():
    """One is down, one knows no master of that name, one is addressed by name."""
    with ReplicatedFleet(apis=0, workers=0, replicas=1) as fleet:
        good, ignorant, down = fleet.sentinels
        ignorant.client.execute_command("SENTINEL", "REMOVE", MASTER_NAME)
        down.kill()
        hosts = f"127.0.0.1:{down.port},127.0.0.1:{ignorant.port},localhost:{good.port}"
        url = f"redis+sentinel://{hosts}/{MASTER_NAME}/0"
        api = fleet.add_api(REDIS_URL=url)
        worker = fleet.add_worker(REDIS_URL=url)
        api.wait_ready()
        worker.wait_ready()
        assert api.post_signal(signal(), Prefer="wait=20").status_code == 200
        (found,) = [row for row in api.logged() if row["message"] == "master found"]
        assert (found["host"], found["port"]) == ("127.0.0.1", fleet.redis.port)
        wait_until(lambda: min(ages(good), default=0) >= 3, 20, "it was polled for seconds")
        for program in (api, worker):
            unknown = [row for row in program.logged() if row["message"] == "sentinel does not know the master"]
            assert [row["port"] for row in unknown] == [ignorant.port], "said once"
            lost = [row for row in program.logged() if row["message"] == "redis is down" and str(down.port) in row["connection"]]
            assert len(lost) == 1, "said once"


def test_before_a_master_is_known_nothing_is_taken_and_then_all_goes_by_itself():
    with ReplicatedFleet(apis=0, workers=0, replicas=1, sentinels=1) as fleet:
        (sentinel,) = fleet.sentinels
        sentinel.client.execute_command("SENTINEL", "REMOVE", MASTER_NAME)
        api = fleet.add_api()
        fleet.add_worker()
        api.wait_answering()
        wait_until(
            lambda: any(row["message"] == "sentinel does not know the master" for row in api.logged()), 20, "the Sentinel is asked"
        )
        answer = api.post_signal(signal())
        assert answer.status_code == 503 and "Retry-After" in answer.headers
        sentinel.client.execute_command("SENTINEL", "MONITOR", MASTER_NAME, "127.0.0.1", fleet.redis.port, 1)
        for program in fleet.programs:
            program.wait_ready()
        assert api.post_signal(signal(), Prefer="wait=20").status_code == 200


def connections_made(server, seconds):
    before = server.client.info("stats")["total_connections_received"]
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, seconds + 5, f"{seconds} seconds have passed")
    return server.client.info("stats")["total_connections_received"] - before


def test_a_replica_is_not_the_master():
    """A plain URL that leads to a replica: said clearly, never up, and found when the replica is promoted."""
    with ReplicatedFleet(apis=0, workers=0, replicas=1, sentinels=0) as fleet:
        master, replica = fleet.servers
        api = fleet.add_api(REDIS_URL=replica.tcp_url).wait_answering()
        worker = fleet.add_worker(REDIS_URL=replica.tcp_url).wait_answering()
        for program in fleet.programs:
            wait_until(
                lambda: any("not the master: its role is slave" in row.get("reason", "") for row in program.logged()),
                20,
                "the role is told",
            )
            assert program.status("/ready") == 503
        assert api.post_signal(signal()).status_code == 503
        assert connections_made(replica, 2) < 100, "not even at first"
        assert connections_made(replica, 2) < 5 * 2 * len(fleet.programs), "and soon less than 5 a second and program"
        replica.client.replicaof("NO", "ONE")
        for program in (api, worker):
            program.wait_ready()
        assert api.post_signal(signal(), Prefer="wait=20").status_code == 200


def test_a_master_that_is_demoted_is_left():
    """A manual failover: connections of the old master are cut or told READONLY, and the new one is used."""
    with ReplicatedFleet(apis=1, workers=1) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        old = fleet.master
        fleet.sentinels[0].client.sentinel_failover(MASTER_NAME)
        announced = fleet.wait_failover(old.port)
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 202, 20, "signals are taken again")
        assert time.monotonic() - announced < FOLLOW_S
        wait_until(lambda: connections(old) == [], 10, "nobody stayed with the old master")
        fleet.wait_idle()


def can_hand_over(sentinel):
    with contextlib.suppress(redis.ResponseError):
        return sentinel.client.sentinel_failover(MASTER_NAME)
    return False


def test_a_lag_that_the_promoted_replica_tells_wrong_is_set_right():
    """Redis 7.0 does not tell replicas how much a group has read: what one had copied when it was attached stays."""
    with ReplicatedFleet(apis=1, workers=1, replicas=1) as fleet:
        master, replica = fleet.servers

        def complete(count, prefix):
            before = fleet.store.zcard("threats:by_created")
            assert fleet.api.post("/api/threats/batch", varied(count, prefix)).status_code == 202
            fleet.wait_completed(before + count)
            fleet.wait_idle()

        complete(20, "before")
        replica.kill()
        replica.start(follows=master)
        wait_until(replica.synchronized, 20, "the replica is attached again")
        complete(30, "after")
        wait_until(lambda: replica.group()["lag"] == 30, 10, "it counts from where it was attached")
        wait_until(lambda: can_hand_over(fleet.sentinels[0]), 20, "the Sentinel has seen that it is back")
        fleet.wait_failover(master.port)
        wait_until(lambda: replica.group()["lag"] == 0, 20, "the lag is right")
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 202, 20, "signals are taken again")
        backlog = fleet.api.get("/api/backlog").json()
        assert backlog["lag_valid"] and backlog["unaccounted"] == 0
        (repaired,) = [row for row in fleet.workers[0].logged() if row["message"] == "lag that Redis lost set right"]
        assert repaired["lag"] == 30


def test_the_credentials_are_the_masters():
    with ReplicatedFleet(apis=0, workers=0, replicas=0, sentinels=1) as fleet:
        fleet.redis.client.acl_setuser("soc", enabled=True, passwords=["+secret"], categories=["+@all"], keys=["*"], channels=["*"])
        url = fleet.redis_url.replace("://", "://soc:secret@")
        api = fleet.add_api(REDIS_URL=url)
        api.wait_ready()
        assert "soc" in [row["user"] for row in fleet.redis.client.client_list()]
        logged = api.stdout_path.read_text()
        assert "secret" not in logged and "soc:***@" in logged
