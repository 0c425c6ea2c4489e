"""SOC_WAIT_REPLICAS: a 202 means that so many replicas have the signal; fewer is a 503, never a silent yes."""

import signal as signals

import pytest

from contract import check_problem
from posting import Poster, assert_completed_once
from processes import wait_until
from replication import ReplicatedFleet
from sample_signals import signal, varied

TIMEOUT_MS = 300


@pytest.fixture(scope="module")
def fleet():
    settings = {"SOC_WAIT_REPLICAS": 2, "SOC_WAIT_TIMEOUT_MS": TIMEOUT_MS}
    with ReplicatedFleet(apis=2, workers=1, replicas=2, sentinels=0, **settings) as running:
        yield running


@pytest.fixture
def stalled(fleet):
    replica = fleet.servers[2]
    replica.send(signals.SIGSTOP)
    yield replica
    replica.send(signals.SIGCONT)
    wait_until(lambda: fleet.api.post_signal(signal()).status_code == 202, 20, "signals are taken again")


def assert_unconfirmed(answer):
    problem = check_problem(answer, 503)
    assert problem["type"] == "urn:soc:problem:unconfirmed"
    assert "master has" in problem["detail"] and "Idempotency-Key" in problem["detail"]
    assert int(answer.headers["Retry-After"]) >= 1


def waits_seen(fleet):
    stats = fleet.store.info("commandstats")
    return stats.get("cmdstat_wait", {"calls": 0})["calls"]


def test_a_202_is_on_every_replica(fleet):
    for number in range(20):
        id_ = fleet.api.post_signal(signal(), Idempotency_Key=f"everywhere-{number}").json()["id"]
        for replica in fleet.servers[1:]:
            assert replica.client.hexists(f"threat:{id_}", "entry")
            assert replica.client.get(f"threats:idempotency:everywhere-{number}") == id_


def test_one_wait_for_many(fleet):
    before = waits_seen(fleet)
    answer = fleet.api.post("/api/threats/batch", varied(200))
    assert answer.status_code == 202 and answer.json()["accepted"] == 200
    assert waits_seen(fleet) - before <= 2


def test_a_stalled_replica_is_told_and_the_same_key_gives_the_same_id(fleet, stalled):
    first, second = fleet.apis
    assert_unconfirmed(first.post_signal(signal(), Idempotency_Key="stalled"))
    id_ = fleet.store.get("threats:idempotency:stalled")
    assert id_, "the master has it"
    added = fleet.redis.entries_added()
    assert_unconfirmed(second.post_signal(signal(), Idempotency_Key="stalled"))
    assert_unconfirmed(first.post_signal(signal(), Idempotency_Key="stalled"))
    stalled.send(signals.SIGCONT)
    for api in (second, first):
        answer = wait_until(lambda: (got := api.post_signal(signal(), Idempotency_Key="stalled")).status_code == 202 and got, 20, "a 202")
        assert answer.json()["id"] == id_
    assert stalled.client.hexists(f"threat:{id_}", "entry")
    assert fleet.redis.entries_added() == added, "it was taken once"


def test_a_key_remembers_as_long_as_before(fleet):
    fleet.api.post_signal(signal(), Idempotency_Key="ttl")
    fleet.store.expire("threats:idempotency:ttl", 500)
    fleet.api.post_signal(signal(), Idempotency_Key="ttl")
    assert 400 < fleet.store.ttl("threats:idempotency:ttl") <= 500


def test_an_analysis_is_no_yes_before_the_replicas_said_so(fleet, stalled):
    """The worker is faster than the replicas: Prefer: wait answers 503 all the same."""
    assert_unconfirmed(fleet.api.post_signal(signal(), Prefer="wait=10"))
    assert_unconfirmed(fleet.api.post("/api/threats/trigger", {"threat_type": "bot_traffic"}))


def test_with_replicas_the_wait_for_an_analysis_works(fleet):
    answer = fleet.api.post_signal(signal(), Prefer="wait=20", Idempotency_Key="patient")
    assert answer.status_code == 200
    again = fleet.api.post_signal(signal(), Prefer="wait=20", Idempotency_Key="patient")
    assert (again.status_code, again.json()) == (200, answer.json())
    assert fleet.api.post("/api/threats/trigger", {"threat_type": "bot_traffic"}, headers={"Prefer": "wait=20"}).status_code == 200


def test_a_batch_that_nobody_confirms(fleet, stalled):
    assert_unconfirmed(fleet.api.post("/api/threats/batch", varied(40)))


def test_reads_do_not_wait_behind_it(fleet, stalled):
    id_ = fleet.store.xrevrange("threats:log", count=1)[0][1]["id"]
    poster = Poster(fleet.api, "behind")
    poster.start()
    try:
        wait_until(lambda: poster.refused, 20, "a signal waits for replicas")
        slowest = max(fleet.api.get(f"/api/threats/{id_}").elapsed.total_seconds() for _ in range(20))
    finally:
        poster.finish()
    assert slowest < TIMEOUT_MS / 1000 / 2


def test_min_replicas_to_write_is_a_503(fleet):
    fleet.store.config_set("min-replicas-to-write", 3)
    try:
        problem = check_problem(fleet.api.post_signal(signal(), Idempotency_Key="too-few"), 503)
        assert problem["detail"] == "nothing was taken: try again"
        assert fleet.store.get("threats:idempotency:too-few") is None
    finally:
        fleet.store.config_set("min-replicas-to-write", 0)
    wait_until(lambda: fleet.api.post_signal(signal(), Idempotency_Key="too-few").status_code == 202, 20, "signals are taken again")


def test_scripts_forgotten_in_between(fleet):
    fleet.store.script_flush()
    answer = fleet.api.post_signal(signal(), Idempotency_Key="forgotten")
    assert answer.status_code == 202
    for replica in fleet.servers[1:]:
        assert replica.client.hexists(f"threat:{answer.json()['id']}", "entry"), "the WAIT came behind the second try"


def test_a_replica_that_comes_and_goes_under_load(fleet):
    posters = [Poster(api, f"coming-{number}") for number, api in enumerate(fleet.apis * 2)]
    for poster in posters:
        poster.start()
    try:
        for _ in range(3):
            target = sum(len(poster.taken) for poster in posters) + 200
            wait_until(lambda: sum(len(poster.taken) for poster in posters) >= target, 30, "signals are taken")
            refused = sum(len(poster.refused) for poster in posters)
            fleet.servers[1].send(signals.SIGSTOP)
            wait_until(lambda: sum(len(poster.refused) for poster in posters) > refused, 20, "signals are refused")
            fleet.servers[1].send(signals.SIGCONT)
    finally:
        fleet.servers[1].send(signals.SIGCONT)
        for poster in posters:
            poster.finish()
    assert {problem["type"] for poster in posters for problem in poster.refused} == {"urn:soc:problem:unconfirmed"}
    fleet.wait_idle()
    assert_completed_once(fleet, posters)


def test_off_there_is_no_wait_and_no_further_connection():
    with ReplicatedFleet(apis=1, workers=1, replicas=1, sentinels=0) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        fleet.servers[1].send(signals.SIGSTOP)
        assert fleet.api.post_signal(signal()).status_code == 202
        fleet.servers[1].send(signals.SIGCONT)
        assert waits_seen(fleet) == 0
        assert "soc-api-enqueue" not in [row["name"] for row in fleet.store.client_list()]
        fleet.wait_idle()
