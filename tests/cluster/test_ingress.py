"""What the ingress lets through."""

import asyncio
import http.client
import json
import os
import socket
import ssl
import urllib.parse

import pytest
import websockets

from cluster import HOST, POLL_S, run
from waiting import wait_until

TLS_HOST = "soc.test"
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


async def see_threat(post, url, **options):
    """The id of a threat that `post` made and a WebSocket on `url` showed."""
    async with websockets.connect(url, **options) as client:
        assert json.loads(await asyncio.wait_for(client.recv(), 10))["type"] == "initial_batch"
        id_ = await asyncio.to_thread(post)
        while True:
            told = json.loads(await asyncio.wait_for(client.recv(), 10))
            if told["type"] == "new_threat" and told["data"]["id"] == id_:
                return id_


def test_websocket_shows_a_threat(release, report):
    def post():
        return release.ask("/api/threats", method="POST", json=SIGNAL).json()["id"]

    host, port = release.cluster.address.split(":")
    report.say(f"new_threat {asyncio.run(see_threat(post, f'ws://{HOST}/ws', host=host, port=int(port)))} over /ws")


class TlsConnection(http.client.HTTPSConnection):
    """To the ingress at `url`, asked for TLS_HOST, which only the certificate's name says."""

    def __init__(self, url, context):
        super().__init__(TLS_HOST, timeout=20, context=context)
        parts = urllib.parse.urlsplit(url)
        self.where, self.tls = (parts.hostname, parts.port or 443), context

    def connect(self):
        self.sock = self.tls.wrap_socket(socket.create_connection(self.where, 20), server_hostname=TLS_HOST)


@pytest.mark.skipif("SOC_CLUSTER_TLS_URL" not in os.environ, reason="--tls-url does not say where the ingress answers by TLS")
def test_tls_with_the_certificate_of_a_secret(release, tmp_path, report):
    """As values-production.yaml has it: HTTPS and wss with the certificate that the Secret holds."""
    where = os.environ["SOC_CLUSTER_TLS_URL"]
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    run(*f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={TLS_HOST} -addext subjectAltName=DNS:{TLS_HOST}".split(),
        "-keyout", key, "-out", certificate)  # fmt: skip
    release.kubectl("create", "secret", "tls", "soc-tls", f"--key={key}", f"--cert={certificate}")
    release.upgrade("--set-json", f'ingress.hosts=[{{"host":"{TLS_HOST}"}}]', "--set", "ingress.tls.enabled=true,ingress.tls.secretName=soc-tls")
    context = ssl.create_default_context(cafile=certificate)

    def ask(method, path, body=None):
        connection = TlsConnection(where, context)
        try:
            connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def is_served():
        try:
            return ask("GET", "/ready")[0] == 200
        except ssl.SSLCertVerificationError:
            return False  # the controller's own, until it has read the Secret

    wait_until(is_served, 60, f"{where} serves {TLS_HOST} with our certificate", POLL_S)

    def post():
        status, body = ask("POST", "/api/threats", SIGNAL)
        assert status == 202
        return json.loads(body)["id"]

    parts = urllib.parse.urlsplit(where)
    seen = asyncio.run(see_threat(post, f"wss://{TLS_HOST}/ws", ssl=context, server_hostname=TLS_HOST, host=parts.hostname, port=parts.port or 443))
    report.say(f"/ready over HTTPS, new_threat {seen} over wss, certificate of the Secret")
