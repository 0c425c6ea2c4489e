"""Requests that nobody should send: a clear error each, nothing reaches the stream, nobody else is disturbed."""

import itertools
import json
import socket

import pytest

import raw_http
from contract import check_problem
from sample_signals import signal

pytestmark = pytest.mark.usefixtures("untouched")

GOOD = json.dumps(signal()).encode()
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
NOBODY = "0199a000-0000-7000-8000-000000000000"  # no threat's id


# --- headers


@pytest.mark.parametrize("path", ["/api/threats", "/api/threats/trigger", "/api/threats/batch"])
@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/jsonx", "application/xml", "multipart/form-data", "json"])
def test_a_wrong_content_type_is_415(api, path, kind):
    headers = {"Content-Type": kind} if kind is not None else {}
    check_problem(api.post(path, GOOD, headers=headers), 415)


def test_ndjson_is_for_batches_only(api):
    check_problem(api.post("/api/threats", GOOD, headers=NDJSON), 415)


@pytest.mark.parametrize("key", ["", "x" * 256, "has blank", "t\tab", "\xfcmlaut"], ids=repr)
def test_a_bad_idempotency_key_is_400(api, key):
    request = raw_http.post("/api/threats", GOOD, "Content-Type: application/json", f"Idempotency-Key: {key}")
    answer = raw_http.exchange(api, request)
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_header_that_http_forbids_is_400(api):
    request = raw_http.post("/api/threats", GOOD, "Content-Type: application/json", "Idempotency-Key: \x7f")
    assert raw_http.exchange(api, request).status_code == 400


WRONG_METHODS = [
    (method, path, allowed)
    for path, allowed in [
        ("/health", {"GET", "HEAD"}),
        ("/ready", {"GET", "HEAD"}),
        ("/metrics", {"GET", "HEAD"}),
        ("/openapi.yaml", {"GET", "HEAD"}),
        ("/api/stats", {"GET", "HEAD"}),
        ("/api/backlog", {"GET", "HEAD"}),
        ("/api/threats", {"GET", "HEAD", "POST"}),
        ("/api/threats/trigger", {"POST"}),
        ("/api/threats/batch", {"POST"}),
        (f"/api/threats/{NOBODY}", {"GET", "HEAD"}),
    ]
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]
    if method not in allowed
]


@pytest.mark.parametrize("method, path, allowed", WRONG_METHODS)
def test_a_wrong_method_is_405_with_allow(api, method, path, allowed):
    answer = api.http.request(method, api.url + path, timeout=20)
    check_problem(answer, 405)
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics", "/openapi.yaml", "/api/stats", "/api/backlog", "/api/threats"])
def test_head_is_get_without_the_body(api, path):
    answer = api.http.head(api.url + path, timeout=20)
    assert answer.status_code == 200
    assert answer.content == b""
    assert answer.headers["Content-Type"] == api.get(path).headers["Content-Type"]


# --- paths and queries

UNKNOWN_PATHS = [
    *("/api", "/api/", "/api/nothing", "/API/threats", "/api/threats/", "/api//threats", "/healthz", "/health/"),
    *("/../etc/passwd", "/%2e%2e/etc/passwd", f"/api/threats/{NOBODY}/more", "/%00", "/ws/x"),
]


@pytest.mark.parametrize("path", UNKNOWN_PATHS)
def test_an_unknown_path_is_404(api, path):
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    answer = raw_http.exchange(api, request)
    assert answer.status_code == 404, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"


BAD_IDS = [
    *("nonsense", "0", "-", "01936b2e5f0a7c419b1e3d5a8c2f6e90", "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e9", "*"),
    *("01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e900", "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e9g", "%00", "x" * 3000),
    *("{01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90}", "01936b2e_5f0a_7c41_9b1e_3d5a8c2f6e90"),
]


@pytest.mark.parametrize("id_", BAD_IDS, ids=lambda id_: id_[:40])
def test_a_malformed_id_is_422(api, id_):
    check_problem(api.get("/api/threats/" + id_), 422)


def test_an_unknown_id_is_404(api):
    check_problem(api.get("/api/threats/01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90"), 404)


BAD_PARAMETERS = [
    *itertools.product(["limit"], ["", "0", "-1", "1001", "abc", "1.5", "10x", "%2010", "1e2", "99999999999999999999"]),
    *itertools.product(["cursor"], ["", "x", "01936b2e", "../..", "%00", "0-0"]),
    *itertools.product(["severity"], ["", "extreme", "none", "high,", "high;low", "HIGH"]),
    *itertools.product(["status"], ["", "done", "completed,x"]),
    *itertools.product(["threat_type"], ["", "nonsense", "bot_traffic,"]),
    *itertools.product(["requires_review"], ["", "maybe", "TRUE", "2"]),
    *itertools.product(["customer_id"], ["", "has%20blank", "a" * 65, "%C3%BC"]),
    *itertools.product(["since", "until"], ["", "yesterday", "2026-11-20", "1763630101", "2026-02-30T00:00:00Z"]),
    *itertools.product(["search"], ["x" * 201, "%ff"]),
    *itertools.product(["unknown", "Limit", "limits", "offset"], ["1"]),
]


@pytest.mark.parametrize("name, value", BAD_PARAMETERS, ids=lambda word: word[:30])
def test_a_bad_query_parameter_is_named(api, name, value):
    problem = check_problem(api.get(f"/api/threats?{name}={value}"), 422)
    assert [error["parameter"] for error in problem["errors"]] == [name]


def test_all_bad_query_parameters_are_named_at_once(api):
    problem = check_problem(api.get("/api/threats?limit=0&since=never&severity=extreme&x=1"), 422)
    assert sorted(error["parameter"] for error in problem["errors"]) == ["limit", "severity", "since", "x"]


@pytest.mark.parametrize("query", ["%zz", "limit=%", "&&&", "=", "limit", "a" * 6000])
def test_an_odd_query_is_an_answer_and_not_a_crash(api, query):
    request = f"GET /api/threats?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    assert raw_http.exchange(api, request).status_code in (200, 400, 422)
    assert api.get("/health").status_code == 200


# --- batches and triggers


@pytest.mark.parametrize("headers, body", [(JSON, b"[]"), (NDJSON, b""), (NDJSON, b"\n\n \n")])
def test_an_empty_batch_is_refused(api, headers, body):
    check_problem(api.post("/api/threats/batch", body, headers=headers), 422)


@pytest.mark.parametrize("body", [b"{}", GOOD, b"null", b"[" + GOOD, b"[" + GOOD + b"]x", b"[" + GOOD + b",]", b"[,]", b""])
def test_a_broken_array_is_refused_as_a_whole(api, body):
    check_problem(api.post("/api/threats/batch", body, headers=JSON), 422)


def test_a_batch_of_bad_signals_names_each(api):
    lines = [b"{", b"{}", json.dumps(signal(source_ip="x")).encode(), b"\xff", b"[]"]
    problem = check_problem(api.post("/api/threats/batch", b"\n".join(lines), headers=NDJSON), 422)
    assert (problem["accepted"], problem["rejected"], problem["ids"]) == (0, 5, [])
    assert [row["index"] for row in problem["errors"]] == [0, 1, 2, 3, 4]
    assert [error["pointer"] for error in problem["errors"][2]["errors"]] == ["/source_ip"]


TRIGGERS = [
    ({}, ["/threat_type"]),
    ({"threat_type": "nonsense"}, ["/threat_type"]),
    ({"threat_type": "bot_traffic", "source_ip": "x"}, ["/source_ip"]),
    ({"threat_type": "bot_traffic", "request_count": -1, "extra": 1}, ["/extra", "/request_count"]),
]


@pytest.mark.parametrize("body, pointers", TRIGGERS)
def test_a_bad_trigger_is_refused(api, body, pointers):
    problem = check_problem(api.post("/api/threats/trigger", body), 422)
    assert sorted(error["pointer"] for error in problem["errors"]) == pointers


# --- the connection itself

ODD_REQUESTS = {
    "not HTTP": b"hello\r\n\r\n",
    "binary": bytes(range(256)) * 4,
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200 + b"\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "negative length": b"POST /api/threats HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n",
    "length of letters": b"POST /api/threats HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: abc\r\n\r\n",
    "bad chunk size": b"POST /api/threats HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    "endless header": b"GET /health HTTP/1.1\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "hundreds of headers": b"GET /health HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(500)) + b"\r\n",
}


@pytest.mark.parametrize("name", ODD_REQUESTS)
def test_an_odd_request_disturbs_nobody(api, name):
    try:
        answer = raw_http.exchange(api, ODD_REQUESTS[name], limit_s=15)
        assert answer.status_code >= 400 or name == "hundreds of headers"
    except (AssertionError, ConnectionError) as error:
        assert "no answer" in str(error) or isinstance(error, ConnectionError)  # it just closed
    assert api.get("/health").status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_disturbs_nobody(api):
    for cut in (1, 50, len(GOOD) - 1):
        with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
            connection.sendall(raw_http.post("/api/threats", GOOD[:cut], "Content-Type: application/json", length=len(GOOD)))
    assert api.get("/health").status_code == 200
