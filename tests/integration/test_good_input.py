"""What lies just inside the limits is taken, and kept as it was sent."""

import datetime
import json
import socket

import pytest

import raw_http
from contract import check
from sample_signals import signal


def iso(moment):
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def nested(levels):
    return {} if levels == 1 else {"deeper": nested(levels - 1)}


WITHIN = [
    {"customer_id": "a"},
    {"customer_id": "A.b_c-9" + "x" * 57},
    {"customer_name": "é" * 200},
    {"customer_name": "𝄞" * 200},
    {"customer_name": 'quote " back \\ slash / tab \t \u2028 \u007f'},
    {"source_ip": "0.0.0.0"},
    {"source_ip": "255.255.255.255"},
    {"source_ip": "::"},
    {"source_ip": "2001:db8::1"},
    {"user_agent": ""},
    {"user_agent": "x" * 1024},
    {"user_agent": "é" * 512},
    {"request_count": 0},
    {"request_count": 10**12},
    {"time_window_minutes": 1},
    {"time_window_minutes": 10080},
    {"raw_data": {}},
    {"raw_data": nested(16)},
    {"raw_data": {"x": "y" * (16384 - len('{"x": ""}'))}},
    {"raw_data": {"numbers": [0, -1, 1.5, 1e300, 12345678901234567890], "none": None, "yes": True, "\u00e9": "\u0000"}},
]


@pytest.mark.parametrize("changes", WITHIN, ids=lambda changes: repr(changes)[:60])
def test_the_last_good_value_is_taken_and_kept(api, changes):
    answer = api.post_signal(signal(**changes), Prefer="wait=20")
    assert answer.status_code == 200, answer.text
    kept = check(answer.json(), "analysis.json")["signal"]
    for name, value in changes.items():
        assert kept[name] == value


def test_absent_optional_fields_stay_absent(api):
    kept = api.post_signal(signal(user_agent=None, raw_data=...), Prefer="wait=20").json()["signal"]
    assert "user_agent" not in kept and "raw_data" not in kept


def test_detected_at_defaults_to_the_time_of_receipt(api):
    before = iso(datetime.datetime.now(datetime.timezone.utc))
    analysis = api.post_signal(signal(), Prefer="wait=20").json()
    assert before <= analysis["signal"]["detected_at"] <= iso(datetime.datetime.now(datetime.timezone.utc))
    assert analysis["created_at"] == analysis["signal"]["detected_at"]


TIMES = [
    ("2026-11-20T09:15:00Z", "2026-11-20T09:15:00.000Z"),
    ("2026-11-20T09:15:00.123456Z", "2026-11-20T09:15:00.123Z"),
    ("2026-11-20T09:15:00+05:30", "2026-11-20T03:45:00.000Z"),
    ("2026-11-20t09:15:00z", "2026-11-20T09:15:00.000Z"),
    ("2015-05-17T11:05:58Z", "2015-05-17T11:05:58.000Z"),
    ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000Z"),
    ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"),
]


@pytest.mark.parametrize("sent, kept", TIMES)
def test_times_of_any_offset_are_kept_in_utc(api, sent, kept):
    analysis = api.post_signal(signal(detected_at=sent), Prefer="wait=20").json()
    assert analysis["signal"]["detected_at"] == kept


def test_a_time_four_minutes_ahead_is_taken(api):
    ahead = iso(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=4))
    assert api.post_signal(signal(detected_at=ahead)).status_code == 202


ADDRESSES = [("::FFFF:1.2.3.4", "1.2.3.4"), ("2001:0DB8:0:0:0:0:0:1", "2001:db8::1")]


@pytest.mark.parametrize("sent, kept", ADDRESSES)
def test_addresses_are_kept_in_their_canonical_form(api, sent, kept):
    assert api.post_signal(signal(source_ip=sent), Prefer="wait=20").json()["signal"]["source_ip"] == kept


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"])
def test_content_type_parameters_and_case_do_not_matter(api, kind):
    assert api.post("/api/threats", json.dumps(signal()).encode(), headers={"Content-Type": kind}).status_code == 202


def test_a_chunked_body_is_read(api):
    body = json.dumps(signal(customer_name="In chunks")).encode()
    chunks = [body[i : i + 7] for i in range(0, len(body), 7)]
    answer = raw_http.exchange(api, raw_http.chunked_post("/api/threats", chunks, "Content-Type: application/json"))
    assert answer.status_code == 202
    id_ = check(json.loads(answer.body), "accepted.json")["id"]
    assert api.get(f"/api/threats/{id_}").json()["signal"]["customer_name"] == "In chunks"


def test_blanks_around_and_within_do_not_matter(api):
    body = b"\r\n\t " + json.dumps(signal(), indent=4).encode() + b"\n\n"
    assert api.post("/api/threats", body, headers={"Content-Type": "application/json"}).status_code == 202


def test_many_requests_on_one_connection_are_answered_in_order(api):
    """Pipelining."""
    one = raw_http.post("/api/threats", json.dumps(signal()).encode(), "Content-Type: application/json")
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=20) as connection:
        connection.sendall(one * 5 + last)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.count(b"HTTP/1.1 202") == 5
    assert received.rindex(b"HTTP/1.1 202") < received.index(b'"healthy"')
