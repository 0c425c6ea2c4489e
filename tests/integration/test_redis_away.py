"""Redis missing at the start, killed and started again while all run: no hand is needed, no 202 is lost."""

import signal as signals
import threading

import pytest
import requests

from contract import check, check_problem
from fleet import Fleet
from live_client import FollowingClient
from processes import wait_until
from sample_signals import signal, varied


def assert_not_taken(answer):
    problem = check_problem(answer, 503)
    assert problem["type"].startswith("urn:soc:problem:")
    assert int(answer.headers["Retry-After"]) >= 1


def wait_all_ready(fleet, limit_s=30):
    for program in fleet.programs:
        program.wait_ready(limit_s)


@pytest.mark.parametrize("over_tcp", [True, False], ids=["tcp", "unix"])
def test_redis_away_at_the_start(over_tcp):
    with Fleet(apis=1, workers=1, over_tcp=over_tcp, redis_up=False) as fleet:
        for program in fleet.programs:
            assert program.get("/health").status_code == 200
            answer = program.get("/ready")
            assert answer.status_code == 503
            assert check(answer.json(), "ready.json")["components"]["redis"] == "down"
        assert_not_taken(fleet.api.post_signal(signal()))
        assert_not_taken(fleet.api.post_signal(signal(), Prefer="wait=5"))
        assert_not_taken(fleet.api.post("/api/threats/batch", [signal()]))
        assert_not_taken(fleet.api.post("/api/threats/trigger", {"threat_type": "bot_traffic"}))
        for path in ("/api/threats", "/api/threats/01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90", "/api/stats", "/api/backlog"):
            assert fleet.api.get(path).status_code == 503, path
        fleet.redis.start()
        wait_all_ready(fleet)
        answer = fleet.api.post_signal(signal(), Prefer="wait=20")
        assert answer.status_code == 200
        check(answer.json(), "analysis.json")


class Poster(threading.Thread):
    """Posts until told to stop; remembers every id that was answered with 202."""

    def __init__(self, api):
        super().__init__()
        self.url = api.url + "/api/threats"
        self.taken = []
        self.refused = 0
        self.odd = []
        self.enough = threading.Event()

    def run(self):
        session = requests.Session()
        while not self.enough.is_set():
            for row in varied(20, "poster"):
                answer = session.post(self.url, json=row, timeout=40)
                if answer.status_code == 202:
                    self.taken.append(answer.json()["id"])
                elif answer.status_code == 503 and "Retry-After" in answer.headers:
                    self.refused += 1
                else:
                    self.odd.append(answer.text)

    def finish(self):
        self.enough.set()
        self.join(60)
        assert not self.is_alive()


def test_redis_killed_and_started_again_while_signals_come():
    # With everysec a killed Redis loses what it put off while its disk was busy.
    kept = ("--appendfsync", "always")
    with Fleet(apis=2, workers=2, over_tcp=True, redis_options=kept) as fleet, FollowingClient(fleet.apis[1]) as client:
        client.wait_for("initial_batch")
        posters = [Poster(api) for api in fleet.apis]
        for poster in posters:
            poster.start()
        try:
            for round_ in range(2):
                target = sum(len(poster.taken) for poster in posters) + 200
                wait_until(lambda: sum(len(poster.taken) for poster in posters) >= target, 30, "signals are taken")
                refused = sum(poster.refused for poster in posters)
                fleet.redis.kill()
                wait_until(lambda: sum(poster.refused for poster in posters) > refused, 30, "signals are refused")
                fleet.redis.start()
            wait_all_ready(fleet)
            target = sum(len(poster.taken) for poster in posters) + 100
            wait_until(lambda: sum(len(poster.taken) for poster in posters) >= target, 30, "signals are taken again")
        finally:
            for poster in posters:
                poster.finish()
        taken = [id_ for poster in posters for id_ in poster.taken]
        assert [odd for poster in posters for odd in poster.odd] == []
        fleet.wait_idle(30)
        stored = set(fleet.store.zrange("threats:by_created", 0, -1))
        assert set(taken) <= stored, "every 202 was kept"
        logged = [fields["id"] for _, fields in fleet.store.xrange("threats:log") if fields["kind"] == "completed"]
        assert len(logged) == len(set(logged)), "each is completed once"
        for api in fleet.apis:
            wait_until(lambda: api.get("/api/stats").json()["by_status"]["completed"] == len(stored), 20, "the catalog caught up")
            assert api.metric("soc_redis_reconnects_total") >= 2
        id_ = fleet.api.post_signal(signal()).json()["id"]
        client.wait_for("new_threat", where=lambda message: message["data"]["id"] == id_)


def test_redis_emptied_while_running():
    with Fleet(apis=1, workers=1) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        fleet.store.flushall()

        def works():
            answer = fleet.api.post_signal(signal(), Prefer="wait=2")
            return answer.status_code == 200 and answer.json()["id"]

        id_ = wait_until(works, 30, "the stream and the group are made again")
        wait_until(lambda: id_ in [row["id"] for row in fleet.api.get("/api/threats").json()], 20, "the list follows")
        assert any(row["level"] in ("warning", "error") for row in fleet.workers[0].logged()), "it is said loudly"


def test_redis_out_of_memory_refuses_and_recovers():
    with Fleet(apis=1, workers=1) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        fleet.store.config_set("maxmemory", "1mb")
        try:
            (refused,) = wait_until(
                lambda: (answer := fleet.api.post_signal(signal())).status_code == 503 and [answer], 20, "the signal is refused"
            )
            assert_not_taken(refused)
            assert fleet.api.get("/health").status_code == 200
        finally:
            fleet.store.config_set("maxmemory", "0")
        wait_until(lambda: fleet.api.post_signal(signal(), Prefer="wait=5").status_code == 200, 20, "signals are taken again")


def test_a_redis_that_hangs_is_not_waited_for():
    with Fleet(apis=1, workers=1) as fleet:
        fleet.redis.send(signals.SIGSTOP)
        try:
            answer = fleet.api.post_signal(signal())
            assert answer.status_code == 503
            assert fleet.api.get("/health").status_code == 200
            wait_until(lambda: fleet.api.status("/ready") == 503, 20, "not ready")
        finally:
            fleet.redis.send(signals.SIGCONT)
        wait_all_ready(fleet)
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200


@pytest.mark.parametrize("prefix", ["acme:", "{acme}:"])
def test_every_key_carries_the_prefix(prefix):
    with Fleet(apis=1, workers=1, SOC_KEY_PREFIX=prefix) as fleet, FollowingClient(fleet.api) as client:
        answer = fleet.api.post_signal(signal(), Prefer="wait=20", Idempotency_Key="one")
        assert answer.status_code == 200
        client.wait_for("new_threat")
        keys = fleet.store.keys("*")
        assert keys and all(key.startswith(prefix) for key in keys), keys
        assert fleet.api.get(f"/api/threats/{answer.json()['id']}").json() == answer.json()
