"""Ten thousand WebSocket clients of one API: each gets every event exactly once, all come back after they were cut or
the API was killed, and slow ones cost nobody anything."""

import time

import pytest

from fleet import Fleet
from herd import Herd, most_clients
from live_client import LiveClient
from processes import TIME_SCALE, built_with_sanitizers, wait_until
from sample_signals import signal, varied
from steps import completed

pytestmark = pytest.mark.plain

ALL = most_clients(10_000 if not built_with_sanitizers() else 1_000)
BACK_S = 5 * TIME_SCALE
EVENTS_A_THREAT = 2


def rss(program):
    with open(f"/proc/{program.pid}/statm") as file:
        return int(file.read().split()[1]) * 4096


def post(api, count):
    answer = api.post("/api/threats/batch", varied(count, "herd"))
    assert answer.status_code == 202
    return count * EVENTS_A_THREAT


def all_had(herd, events):
    herd.wait(events)
    told = herd.tell()
    assert (told["least"], told["most"], told["other_histories"], told["doubles"]) == (events, events, 0, 0), told
    return told


def test_ten_thousand_get_every_event_once_and_come_back_at_once():
    with Fleet(apis=1, workers=1) as fleet:
        for _ in range(25):
            completed(fleet.api)
        before = rss(fleet.api)
        with Herd(fleet.api, ALL) as herd:
            assert fleet.api.metric("soc_active_websocket_connections") == ALL
            events = post(fleet.api, 20)
            all_had(herd, events)
            assert (rss(fleet.api) - before) / ALL <= 16 * 1024

            for _ in range(2):
                assert herd.cut()["back_99_s"] <= BACK_S
                events += post(fleet.api, 5)
                all_had(herd, events)

            reads = log_reads(fleet)
            fleet.api.kill()
            fleet.api.start()
            began = time.monotonic()
            events += post(fleet.api.wait_ready(), 5)
            told = all_had(herd, events)
            assert time.monotonic() - began <= 2 * BACK_S
            assert told["resets"] == 0
            assert log_reads(fleet) - reads < 100, "what is missed is read once for all"
            assert sum(fleet.api.metric("soc_websocket_resume_total", outcome=outcome) for outcome in ("ring", "log")) == ALL


def log_reads(fleet):
    return fleet.store.info("commandstats").get("cmdstat_xrange", {"calls": 0})["calls"]


def latencies_s(api, client, count):
    """From POST to new_threat, one at a time."""
    taken = []
    for _ in range(count):
        began = time.monotonic()
        id_ = api.post_signal(signal()).json()["id"]
        client.wait_for("new_threat", where=lambda message: message["data"]["id"] == id_)
        taken.append(time.monotonic() - began)
    return sorted(taken)


@pytest.mark.skipif(built_with_sanitizers(), reason="memory and latency mean nothing there")
def test_slow_and_deaf_clients_cost_nobody_anything():
    with Fleet(apis=1, workers=2, SOC_WS_QUEUE_BYTES=1024 * 1024) as fleet:
        quick, slow, deaf = 178, 20, 2
        with LiveClient(fleet.api) as client:
            alone = latencies_s(fleet.api, client, 40)
        with Herd(fleet.api, quick + slow + deaf, slow=slow, deaf=deaf) as herd:
            events = post(fleet.api, 500)
            all_had(herd, events)
            before = rss(fleet.api)
            for _ in range(6):
                events += post(fleet.api, 500)
                herd.wait(events)
            all_had(herd, events)
            assert rss(fleet.api) - before <= 24 * 1024 * 1024
            wait_until(lambda: fleet.api.metric("soc_websocket_dropped_total", reason="slow") >= slow + deaf, 10, "slow ones are cut")
            with LiveClient(fleet.api) as client:
                beside = latencies_s(fleet.api, client, 40)
            assert beside[20] <= 2 * alone[20] + 0.01, "others' events come as fast as before"
