"""SIGTERM to an API: unready at once, it serves on for SOC_DRAIN_DELAY_SECONDS, so that nobody notices who has time to
look; then it closes WebSockets one after the other, answers what is outstanding, and ends with 0."""

import contextlib
import datetime
import json
import signal as signals
import socket
import threading
import time

import pytest
import requests

import raw_http
from fleet import Fleet
from live_client import FollowingClient, LiveClient
from posting import Poster, assert_completed_once
from processes import TIME_SCALE, wait_until
from sample_signals import signal
from steps import post
from test_drain import ended_within
from test_live_resume import event_ids

GOING_AWAY = 1001
POSTERS = 3
AT_ONCE_S = 1 * TIME_SCALE
FAREWELL_EACH_S, FAREWELL_MAX_S = 0.01, 4  # of api/live/farewell.h
JSON = "Content-Type: application/json"


class TimedClient(LiveClient):
    async def _read_all(self):
        await super()._read_all()
        self.closed_at = time.monotonic()


class MovingClient(FollowingClient):
    """Resumes at another API when its own goes away."""

    def __init__(self, api, other):
        self.moved = False
        self._other = other.url.replace("http", "ws") + "/ws"
        super().__init__(api)

    async def _read_all(self):
        await super()._read_all()
        if self._socket.close_code == GOING_AWAY and not self.moved:
            self.moved, self._url = True, self._other
            self._socket = await self._connect(f"?last_id={self._last_id()}")
            await super()._read_all()


class Balancer(threading.Thread):
    """Sends posters where /ready says yes; it asks each 0.2 s and takes two refusals to believe them, as a kubelet may."""

    PERIOD_S, REFUSALS = 0.2, 2

    def __init__(self, apis, posters):
        super().__init__()
        self.apis, self.posters = apis, posters
        self.refusals = dict.fromkeys(apis, 0)
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(self.PERIOD_S):
            for api in self.apis:
                self.refusals[api] = 0 if self.is_ready(api) else self.refusals[api] + 1
            good = [api for api in self.apis if self.refusals[api] < self.REFUSALS]
            for number, poster in enumerate(self.posters):
                poster.url = good[number % len(good)].url + "/api/threats"

    @staticmethod
    def is_ready(api):
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(api.url + "/ready", timeout=5).status_code == 200
        return False

    def finish(self):
        self.enough.set()
        self.join(10)


class Watched(Poster):
    def run(self):
        try:
            super().run()
        except requests.RequestException as error:
            self.odd.append(repr(error))


def leave(api):
    api.send(signals.SIGTERM)
    return time.monotonic()


def test_it_is_unready_at_once_and_serves_on():
    with Fleet(apis=1, workers=1, SOC_DRAIN_DELAY_SECONDS=2) as fleet, LiveClient(fleet.api) as client:
        client.wait_for("initial_batch")
        began = leave(fleet.api)
        wait_until(lambda: fleet.api.status("/ready") == 503, AT_ONCE_S, "it is unready")
        assert fleet.api.get("/ready").json()["status"] == "not_ready"
        assert fleet.api.status("/health") == 200
        answer = fleet.api.post_signal(signal(), Prefer="wait=20")
        assert answer.status_code == 200, "waiting works as ever"
        assert answer.headers["Connection"] == "close"
        with LiveClient(fleet.api) as newcomer:
            newcomer.wait_for("initial_batch")
            assert (newcomer.wait_closed(), client.wait_closed()) == (GOING_AWAY, GOING_AWAY)
        assert time.monotonic() - began >= 2
        assert fleet.api.process.wait(10) == 0


def test_nobody_notices_that_one_of_two_leaves():
    with Fleet(apis=2, workers=2, SOC_DRAIN_DELAY_SECONDS=2) as fleet:
        leaver, stayer = fleet.apis
        posters = [Watched(leaver, f"poster{number}") for number in range(POSTERS)]
        balancer = Balancer(fleet.apis, posters)
        witness, *clients = [LiveClient(stayer), *(MovingClient(leaver, stayer) for _ in range(8))]
        for client in [witness, *clients]:
            client.wait_for("initial_batch")
        for thread in [*posters, balancer]:
            thread.start()
        wait_until(lambda: all(len(poster.taken) > 50 for poster in posters), 20, "there is load")
        leave(leaver)
        assert leaver.process.wait(2 + 5 * TIME_SCALE) == 0
        ended = time.monotonic()
        wait_until(lambda: all(poster.taken[-1][0] > ended for poster in posters if not poster.odd), 20, "the other one has all")
        for thread in [*posters, balancer]:
            thread.finish()
        assert [poster.refused for poster in posters] == [[]] * POSTERS
        count = sum(len(poster.taken) for poster in posters)
        fleet.wait_completed(count)
        assert_completed_once(fleet, posters)
        for client in [witness, *clients]:
            client.wait_for("new_threat", count)
        told = event_ids(witness.messages())
        assert all(client.moved and event_ids(client.messages()) == told for client in clients)
        for client in [witness, *clients]:
            client.close()


def test_websockets_are_closed_one_after_the_other():
    count = 60
    with Fleet(apis=1, workers=0) as fleet:
        clients = [TimedClient(fleet.api) for _ in range(count)]
        for client in clients:
            client.wait_for("initial_batch")
        leave(fleet.api)
        assert [client.wait_closed() for client in clients] == [GOING_AWAY] * count
        assert fleet.api.process.wait(10) == 0
        told = {line["message"]: datetime.datetime.fromisoformat(line["timestamp"]).timestamp() for line in fleet.api.logged()}
        assert count * FAREWELL_EACH_S <= told["stopped"] - told["closing"] < FAREWELL_MAX_S
        times = sorted(client.closed_at for client in clients)
        assert times[-1] - times[0] > 0.1, "however late this process was to read them"


def test_who_has_connected_is_answered():
    """Connections that nobody has accepted yet, and requests that nobody has read, when the signal comes."""
    body = json.dumps(signal()).encode()
    with Fleet(apis=1, workers=0) as fleet:
        known = [socket.create_connection(("127.0.0.1", fleet.api.port), timeout=20) for _ in range(150)]
        wait_until(lambda: fleet.api.status("/health") == 200, 10, "they are accepted")
        fleet.api.send(signals.SIGSTOP)
        unknown = [socket.create_connection(("127.0.0.1", fleet.api.port), timeout=20) for _ in range(300)]
        for connection in known + unknown:
            connection.sendall(raw_http.post("/api/threats", body, JSON))
        leave(fleet.api)
        fleet.api.send(signals.SIGCONT)
        for connection in known + unknown:
            with connection:
                answer = raw_http.read_answer(connection)
            assert answer.status_code == 202, answer.content
            assert answer.headers["Connection"] == "close"
        assert fleet.api.process.wait(10) == 0
        assert fleet.redis.entries_added() == len(known + unknown)


def test_what_is_outstanding_is_answered_when_the_delay_is_over():
    with Fleet(apis=1, workers=0, SOC_DRAIN_DELAY_SECONDS=1) as fleet:
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(fleet.api.post_signal(signal(), Prefer="wait=30")))
        waiting.start()
        wait_until(lambda: fleet.redis.entries_added() == 1, 10, "it waits")
        began = leave(fleet.api)
        waiting.join(20)
        assert answers[0].status_code == 202
        assert answers[0].headers["Connection"] == "close", "though it came before the signal"
        assert 1 <= time.monotonic() - began < 1 + AT_ONCE_S
        assert ended_within(fleet.api, AT_ONCE_S) == 0


@pytest.mark.parametrize("second", [signals.SIGTERM, signals.SIGINT])
def test_a_second_signal_ends_it_at_once(second):
    with Fleet(apis=1, workers=0, SOC_DRAIN_DELAY_SECONDS=300) as fleet:
        post(fleet.api)
        leave(fleet.api)
        wait_until(lambda: fleet.api.status("/ready") == 503, AT_ONCE_S, "it is unready")
        fleet.api.send(second)
        assert ended_within(fleet.api, AT_ONCE_S) == 0


def test_without_a_delay_it_ends_at_once():
    with Fleet(apis=1, workers=0) as fleet:
        post(fleet.api)
        leave(fleet.api)
        assert ended_within(fleet.api, AT_ONCE_S) == 0
        with pytest.raises(ConnectionError):
            socket.create_connection(("127.0.0.1", fleet.api.port), timeout=5)


def test_who_comes_too_late_for_a_websocket_is_told():
    """A connection from before, while others are still being closed."""
    with Fleet(apis=1, workers=0) as fleet:
        clients = [LiveClient(fleet.api) for _ in range(100)]
        with socket.create_connection(("127.0.0.1", fleet.api.port), timeout=20) as late:
            assert fleet.api.status("/health") == 200
            leave(fleet.api)
            wait_until(lambda: any(client.close_code for client in clients), 10, "the first is closed")
            late.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = raw_http.read_answer(late)
            assert answer.status_code == 503
        assert [client.wait_closed() for client in clients] == [GOING_AWAY] * 100
        assert fleet.api.process.wait(10) == 0
