"""Every field of a signal wrong in every way, and every way for a body to be no signal: a clear error each, and
nothing reaches the stream."""

import datetime
import json

import pytest

import raw_http
from contract import check_problem
from sample_signals import signal

pytestmark = pytest.mark.usefixtures("untouched")

JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


def minutes_from_now(minutes):
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return time.isoformat().replace("+00:00", "Z")


def nested(levels):
    """An object of that many levels."""
    return {} if levels == 1 else {"deeper": nested(levels - 1)}


WRONG_TEXTS = [..., None, 7, 1.5, True, [], {}, ["x"]]

WRONG_VALUES = {
    "threat_type": [*WRONG_TEXTS, "", "BOT_TRAFFIC", "bot_traffic ", "bot traffic", "bot_traffic\u0000"],
    "customer_id": [*WRONG_TEXTS, "", "a" * 65, "has blank", "ümlaut", "a/b", "a\nb", "a:b", "*", "a\u0000"],
    "customer_name": [*WRONG_TEXTS, "", "x" * 201, "é" * 201, "𝄞" * 201],
    "source_ip": [
        *WRONG_TEXTS,
        *("", "300.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4/24", "1.2.3.4:80", "01.2.3.4", " 1.2.3.4", "1.2.3.4 "),
        *("localhost", "::g", "1::2::3", "fe80::1%eth0", "[::1]", "12345::", "0x7f.1", "::ffff:1.2.3.400"),
    ],
    "user_agent": [7, True, [], {}, "x" * 1025, "é" * 513],
    "request_count": [..., None, "5", True, [], {}, -1, 1.5, 10**12 + 1, 10**30, -(10**30)],
    "time_window_minutes": [..., None, "5", False, [], {}, 0, -1, 1.5, 10081, 10**30],
    "detected_at": [
        *(None, 5, True, [], {}, "", "yesterday", "2026-11-20", "2026-11-20T09:15:00", "09:15:00Z"),
        *("2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-20T25:00:00Z", "2026-11-20T09:61:00Z"),
        *("2026-11-20T09:15:00+99:00", "2026-11-20T09:15:00.Z", "2026-11-20T09:15:00Z ", "9999-12-31T23:59:59Z"),
    ],
    "raw_data": [None, 5, True, "x", [], [{}], nested(17), {"x": "y" * 16384}],
}

WRONG_FIELDS = [(field, value) for field, values in WRONG_VALUES.items() for value in values]


def named(value):
    return repr(value)[:40] if value is not ... else "missing"


@pytest.mark.parametrize("field, value", WRONG_FIELDS, ids=[f"{field}={named(value)}" for field, value in WRONG_FIELDS])
def test_a_wrong_field_is_named(api, field, value):
    problem = check_problem(api.post_signal(signal(**{field: value})), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/" + field]


def test_a_time_six_minutes_ahead_is_refused(api):
    problem = check_problem(api.post_signal(signal(detected_at=minutes_from_now(6))), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/detected_at"]


@pytest.mark.parametrize(
    "name, pointer", [("request_cuont", "/request_cuont"), ("a/b~c", "/a~1b~0c"), ("", "/"), ("Threat_type", "/Threat_type")]
)
def test_an_unknown_field_is_named_by_its_pointer(api, name, pointer):
    problem = check_problem(api.post_signal({**signal(), name: 1}), 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_all_faults_are_told_at_once(api):
    wrong = {
        "threat_type": "nonsense",
        "customer_id": "",
        "source_ip": "nowhere",
        "user_agent": 5,
        "request_count": -1,
        "time_window_minutes": "5",
        "detected_at": "now",
        "raw_data": [],
        "extra": 1,
    }
    problem = check_problem(api.post_signal(wrong), 422)
    expected = {"/" + name for name in wrong} | {"/customer_name"}
    assert {error["pointer"] for error in problem["errors"]} == expected
    assert len(problem["errors"]) == len(expected)


def test_many_unknown_fields_are_an_answer_of_bounded_size(api):
    answer = api.post_signal({f"field_{i}": i for i in range(3000)})
    problem = check_problem(answer, 422)
    assert len(problem["errors"]) >= 30
    assert len(answer.content) < 64 * 1024


GOOD = json.dumps(signal()).encode()

BROKEN_BODIES = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "array": b"[]",
    "array of a signal": b"[" + GOOD + b"]",
    "null": b"null",
    "true": b"true",
    "number": b"17",
    "string": b'"bot_traffic"',
    "trailing letter": GOOD + b"x",
    "trailing object": GOOD + b"{}",
    "trailing comma": GOOD + b",",
    "trailing nul": GOOD + b"\0",
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "single quotes": GOOD.replace(b'"', b"'"),
    "comma before brace": GOOD[:-1] + b",}",
    "comment": b"/* */" + GOOD,
    "unquoted name": GOOD.replace(b'"threat_type"', b"threat_type"),
    "NaN": GOOD.replace(b"5000", b"NaN"),
    "Infinity": GOOD.replace(b"5000", b"Infinity"),
    "minus Infinity": GOOD.replace(b"5000", b"-Infinity"),
    "leading zero": GOOD.replace(b"5000", b"0500"),
    "plus sign": GOOD.replace(b"5000", b"+5000"),
    "hexadecimal": GOOD.replace(b"5000", b"0x10"),
    "bare point": GOOD.replace(b"5000", b"5000."),
    "line end in a string": GOOD.replace(b"Acme Shop", b"Acme\nShop"),
    "control byte in a string": GOOD.replace(b"Acme Shop", b"Acme\x01Shop"),
    "bad escape": GOOD.replace(b"Acme Shop", b"Acme\\xShop"),
    "short escape": GOOD.replace(b"Acme Shop", b"Acme\\u12"),
    "lone high surrogate": GOOD.replace(b"Acme Shop", b"\\ud800"),
    "lone low surrogate": GOOD.replace(b"Acme Shop", b"\\udc00 x"),
    "UTF-8: lone continuation": GOOD.replace(b"Acme Shop", b"Acme \x80"),
    "UTF-8: cut short": GOOD.replace(b"Acme Shop", b"Acme \xc3"),
    "UTF-8: overlong": GOOD.replace(b"Acme Shop", b"Acme \xc0\xaf"),
    "UTF-8: surrogate": GOOD.replace(b"Acme Shop", b"Acme \xed\xa0\x80"),
    "UTF-8: past the end": GOOD.replace(b"Acme Shop", b"Acme \xf4\x90\x80\x80"),
    "UTF-8: in a name": GOOD.replace(b'"service"', b'"serv\xffice"'),
    "UTF-8: in raw data": GOOD.replace(b'"http"', b'"ht\xfe"'),
    "deep arrays": b"[" * 30000,
}


@pytest.mark.parametrize("name", BROKEN_BODIES)
def test_a_broken_body_is_a_fault_of_the_whole(api, name):
    problem = check_problem(api.post("/api/threats", BROKEN_BODIES[name], headers=JSON), 422)
    assert "" in [error["pointer"] for error in problem["errors"]]


def test_a_field_too_deep_to_read_is_refused(api):
    problem = check_problem(api.post("/api/threats", b'{"a":' * 10000, headers=JSON), 422)
    assert problem["errors"][0]["pointer"] in ("", "/a")


@pytest.mark.parametrize("length", range(1, len(GOOD), 7))
def test_a_body_cut_off_anywhere_is_refused(api, length):
    check_problem(api.post("/api/threats", GOOD[:length], headers=JSON), 422)


def with_member(text):
    return GOOD[:-1] + b"," + text + b"}"


RAW = b'"raw_data": {"service": "http", "distinct_paths": 40}'

DUPLICATES = {
    "field": (with_member(b'"threat_type":"brute_force"'), "/threat_type"),
    "field, same value": (with_member(b'"request_count":5000'), "/request_count"),
    "field, spelt by escapes": (with_member(b'"threat\\u005ftype":"bot_traffic"'), "/threat_type"),
    "raw data twice": (with_member(b'"raw_data":{}'), "/raw_data"),
    "in raw data": (GOOD.replace(RAW, b'"raw_data":{"a":1,"a":2}'), "/raw_data"),
    "in raw data, deeper": (GOOD.replace(RAW, b'"raw_data":{"a":[{"b":{"c":1,"c":1}}]}'), "/raw_data"),
    "in raw data, escaped": (GOOD.replace(RAW, b'"raw_data":{"a":1,"\\u0061":2}'), "/raw_data"),
    "in raw data, at its bottom": (
        GOOD.replace(RAW, b'"raw_data":' + b'{"x":' * 15 + b'{"y":1,"y":2}' + b"}" * 15),
        "/raw_data",
    ),
}


@pytest.mark.parametrize("name", DUPLICATES)
def test_duplicate_names_are_refused_at_any_depth(api, name):
    body, pointer = DUPLICATES[name]
    problem = check_problem(api.post("/api/threats", body, headers=JSON), 422)
    assert pointer in [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e13", "1e-400", "0.5e0", "123456789012345678901234567890"])
def test_numbers_out_of_range_are_faults_of_their_field(api, number):
    body = GOOD.replace(b"5000", number.encode())
    problem = check_problem(api.post("/api/threats", body, headers=JSON), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/request_count"]


# --- sizes


def padded(size):
    return GOOD[:-1] + b" " * (size - len(GOOD)) + b"}"


def test_a_body_over_the_limit_is_413(api):
    check_problem(api.post("/api/threats", padded(64 * 1024 + 1), headers=JSON), 413)


def test_a_body_far_over_the_limit_is_413_and_others_go_on(api):
    answer = raw_http.exchange(api, raw_http.post("/api/threats", b"{", "Content-Type: application/json", length=1 << 40))
    assert answer.status_code == 413
    assert api.get("/health").status_code == 200


def test_a_chunked_body_over_the_limit_is_413(api):
    answer = raw_http.exchange(
        api, raw_http.chunked_post("/api/threats", [b" " * 60000] * 100, "Content-Type: application/json")
    )
    assert answer.status_code == 413


def test_a_batch_over_4_mib_is_413(api):
    check_problem(api.post("/api/threats/batch", b" " * (4 * 1024 * 1024 + 1), headers=JSON), 413)


@pytest.mark.parametrize("headers, join", [(JSON, (b"[", b",", b"]")), (NDJSON, (b"", b"\n", b"\n"))])
def test_a_batch_of_1001_is_413(api, headers, join):
    start, between, end = join
    body = start + between.join([GOOD] * 1001) + end
    check_problem(api.post("/api/threats/batch", body, headers=headers), 413)
