"""What the ingress lets through."""

import asyncio
import json

import pytest
import websockets

SIGNAL = {
    "threat_type": "credential_stuffing", "customer_id": "ingress", "customer_name": "Ingress Test", "source_ip": "192.0.2.8",
    "request_count": 9000, "time_window_minutes": 15,
}


@pytest.fixture(scope="module")
def release(deploy):
    return deploy("ingress", "--set", "api.hpa.enabled=false,worker.hpa.enabled=false,worker.replicaCount=1,worker.resources.requests.cpu=100m")


@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.yaml", "/schemas/signal.json", "/api/threats", "/api/stats", "/api/backlog",
                                  "/api/dead-letters", "/api/customers", "/api/infra-events", "/api/intel/indicators"])
def test_served_outside(release, path):
    assert release.ask(path).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/api/admin/log-level"])
def test_kept_inside(release, path):
    assert release.ask(path).status_code == 404


def test_a_threat_goes_through(release, report):
    answer = release.ask("/api/threats", method="POST", json=SIGNAL, headers={"Prefer": "wait=20"})
    assert answer.status_code == 200 and answer.json()["status"] == "completed"
    report.say(f"POST with Prefer: wait: {answer.elapsed.total_seconds() * 1000:.1f} ms")


def test_a_large_list_goes_through(release, report):
    """1.3 MB: more than some controllers allow unless they are told."""
    lines = "".join(f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(100_000))
    answer = release.ask("/api/intel/indicators?list=large&category=blocklist", method="POST", data=lines, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 200, answer.text[:500]
    report.say(f"a list of {len(lines) / 1e6:.1f} MB in {answer.elapsed.total_seconds():.2f} s")


def test_websocket_shows_a_threat(release, report):
    async def listen():
        url = release.cluster.url.replace("http", "ws", 1) + "/ws"
        async with websockets.connect(url) as socket:
            assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "initial_batch"
            posted = await asyncio.to_thread(release.ask, "/api/threats", method="POST", json=SIGNAL)
            id_ = posted.json()["id"]
            while True:
                told = json.loads(await asyncio.wait_for(socket.recv(), 10))
                if told["type"] == "new_threat" and told["data"]["id"] == id_:
                    return id_

    report.say(f"new_threat {asyncio.run(listen())} over /ws")
