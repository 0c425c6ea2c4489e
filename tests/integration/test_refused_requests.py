"""What h2o refuses by itself is counted as every request is, once, under the route `unknown`."""

import socket
import subprocess

import pytest

import raw_http
from fleet import Fleet
from live_client import LiveClient
from processes import wait_until
from steps import completed, wait_told
from test_http_abuse import connect, encrypted, listens

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/threats HTTP/1.1\r\nHost: x\r\n"
REFUSED = {
    "no request line": (b"GET / GOPHER/1.0\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a header without a colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
    "101 headers": (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n", 400),
    "headers beyond 408 KiB": (b"GET / HTTP/1.1\r\nA: " + b"a" * 500_000, 400),
    "a broken chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    "a length that is none": (POST + b"Content-Length: many\r\n\r\n", 400),
    "another transfer coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "an unknown expectation": (POST + b"Expect: mercy\r\nContent-Length: 1\r\n\r\n", 417),
    "a body over all limits": (POST + b"Content-Length: 999999999\r\n\r\n", 413),
}


@pytest.fixture(scope="module")
def fleet():
    with Fleet(apis=1, workers=1, LOG_LEVEL="debug", SOC_WS_PING_SECONDS=1) as running:
        yield running


@pytest.fixture(scope="module")
def api(fleet):
    return fleet.api


def count(api):
    return api.metric("http_requests_total", route="unknown", status_class="4xx") or 0


def wait_counted(api, wanted):
    wait_until(lambda: count(api) >= wanted, 10, f"{wanted} are counted")
    assert count(api) == wanted


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_counted_once_and_has_its_line(name):
    request, status = REFUSED[name]
    with Fleet(apis=1, workers=0, LOG_LEVEL="debug") as own:
        assert raw_http.exchange(own.api, request).status_code == status
        wait_counted(own.api, 1)
        (line,) = [line for line in own.api.logged() if line["message"] == "request refused"]
        assert (line["route"], line["status"]) == ("unknown", status)


def test_one_behind_good_ones_is_counted_alone(api):
    wanted = count(api) + 1
    good = api.metric("http_requests_total", route="GET /health") or 0
    with connect(api) as connection:
        connection.sendall(HEALTH * 3 + b"nonsense\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200") == 3 and received.count(b"HTTP/1.1 400") == 1
    wait_counted(api, wanted)
    assert api.metric("http_requests_total", route="GET /health") == good + 3


def test_it_is_counted_behind_tls(fleet):
    certificate, key = fleet.folder / "certificate.pem", fleet.folder / "key.pem"
    words = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    made = subprocess.run(["openssl", "req", "-x509", *words, "-keyout", key, "-out", certificate], stderr=subprocess.DEVNULL, timeout=20)
    assert made.returncode == 0
    api = fleet.add_api(SOC_TLS_CERT=certificate, SOC_TLS_KEY=key, LOG_LEVEL="debug")
    wait_until(lambda: listens(api), 20, "it listens")
    with encrypted(api) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(65536), b"")).startswith(b"HTTP/1.1 400")
    with encrypted(api) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    refused = lambda: [line for line in api.logged() if line["message"] == "request refused"]
    wait_until(refused, 10, "it is told")
    assert len(refused()) == 1


def test_what_is_no_refusal_is_not_counted(fleet, api):
    """Connections that say nothing, that end within a request or after an interim answer, and WebSockets."""
    before = count(api)
    for start in (b"", b"\r\n", b"GET / HT", POST + b"Content-Length: 5\r\n\r\n12"):
        with connect(api) as connection:
            connection.sendall(start)
    with connect(api) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        wait_told(client, "new_threat", completed(api)["id"])
    wait_until(lambda: api.metric("soc_active_websocket_connections") == 0, 10, "the client is gone")
    with connect(api) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.sendall(HEALTH)
    assert raw_http.exchange(api, b"nonsense\r\n\r\n").status_code == 400
    wait_counted(api, before + 1)
