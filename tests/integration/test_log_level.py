"""The log's level while the programs run: over HTTP, by signals, for a time; and the worker's admin port."""

import signal as signals

import pytest
import requests

import contract
from contract import check, check_problem
from fleet import Fleet
from processes import wait_until
from raw_http import exchange
from sample_signals import signal
from steps import completed

PATH = "/api/admin/log-level"


@pytest.fixture(scope="module")
def own():
    with Fleet(apis=2, workers=1) as running:
        yield running


@pytest.fixture(params=["soc-api", "soc-worker"])
def program(request, own):
    chosen = own.api if request.param == "soc-api" else own.workers[0]
    put(chosen, {"level": "info"})
    return chosen


def put(program, change):
    answer = program.http.put(program.url + PATH, json=change, timeout=20)
    assert answer.status_code == 200, answer.text
    return check(answer.json(), "log_level.json")


def level(program):
    answer = program.get(PATH)
    assert answer.status_code == 200
    return check(answer.json(), "log_level.json")


def changes(program):
    return [row for row in program.logged() if row["message"] == "log level changed"]


def told_since(program, before):
    return [(row["from"], row["to"], row["for_seconds"], row["by"]) for row in changes(program)[before:]]


def test_a_change_is_answered_and_told(program):
    before = len(changes(program))
    shown = put(program, {"level": "warning"})
    assert shown == {"level": "warning", "until": None, "then": None, "configured": "info"} == level(program)
    assert put(program, {"level": "debug", "for_seconds": 600})["then"] == "warning"
    assert level(program)["until"] is not None
    assert told_since(program, before) == [("info", "warning", 0, "http"), ("warning", "debug", 600, "http")]


def test_an_end_comes_by_itself(program):
    before = len(changes(program))
    put(program, {"level": "debug", "for_seconds": 1})
    wait_until(lambda: level(program)["level"] == "info", 10, "the second is over")
    assert level(program)["until"] is None
    assert told_since(program, before) == [("info", "debug", 1, "http"), ("debug", "info", 0, "expiry")]


def test_signals_are_more_and_fewer_lines(program):
    before = len(changes(program))
    for number, now in [(signals.SIGUSR1, "debug"), (signals.SIGUSR2, "info"), (signals.SIGUSR2, "warning"), (signals.SIGUSR2, "error")]:
        program.send(number)
        wait_until(lambda: level(program)["level"] == now, 10, f"the level is {now}")
    steps = [("info", "debug"), ("debug", "info"), ("info", "warning"), ("warning", "error")]
    assert told_since(program, before) == [(*step, 0, "signal") for step in steps]


def test_debug_shows_threats_and_info_does_not(own):
    (worker,) = own.workers

    def lines(id_):
        return [row for row in worker.logged() if row.get("threat_id") == id_]

    put(worker, {"level": "info"})
    quiet = completed(own.api, customer_name="Quiet & Co")["id"]
    put(worker, {"level": "debug"})
    loud = completed(own.api, customer_name='Loud "Café"')["id"]
    (line,) = wait_until(lambda: lines(loud), 10, "the threat's line is written")
    assert (line["message"], line["level"], line["customer_name"]) == ("threat analysed", "debug", 'Loud "Café"')
    assert line["duration_ms"] > 0
    assert lines(quiet) == []


def test_a_change_is_of_one_process(own):
    put(own.apis[0], {"level": "info"})
    put(own.apis[1], {"level": "error"})
    assert [level(api)["level"] for api in own.apis] == ["info", "error"]
    put(own.apis[1], {"level": "info"})


def test_every_word_of_the_schema_is_a_level(program):
    for word in contract.load("log_level.json")["$defs"]["level"]["enum"]:
        assert put(program, {"level": word})["level"] == word


@pytest.mark.parametrize(
    "body, pointer",
    [({"level": "loud"}, "/level"), ({}, "/level"), ({"level": "info", "for_seconds": 0}, "/for_seconds"), ({"level": "info", "ttl": 1}, "/ttl")],
)
def test_a_bad_change_changes_nothing(program, body, pointer):
    answer = program.http.put(program.url + PATH, json=body, timeout=20)
    assert [row["pointer"] for row in check_problem(answer, 422)["errors"]] == [pointer]
    assert level(program)["level"] == "info"


def test_a_form_of_a_web_page_changes_nothing(program):
    """A browser sends no application/json to a foreign host without asking first."""
    answer = program.http.put(program.url + PATH, data=b'{"level": "error"}', headers={"Content-Type": "text/plain"}, timeout=20)
    check_problem(answer, 415)
    assert level(program)["level"] == "info"


def test_a_body_over_the_limit_is_413(program):
    answer = program.http.put(program.url + PATH, data=b" " * 1100 + b'{"level": "error"}', headers={"Content-Type": "application/json"}, timeout=20)
    assert answer.status_code == 413
    assert level(program)["level"] == "info"


# --- the worker's admin port


def test_paths_and_methods_of_the_admin_port(own):
    (worker,) = own.workers
    check_problem(worker.get("/api/threats"), 404)
    check_problem(worker.get("/"), 404)
    for path, allowed in [("/health", "GET, HEAD"), ("/ready", "GET, HEAD"), ("/metrics", "GET, HEAD"), (PATH, "GET, HEAD, PUT")]:
        answer = worker.post(path, {})
        check_problem(answer, 405)
        assert answer.headers["Allow"] == allowed
        head = worker.http.head(worker.url + path, timeout=20)
        assert (head.status_code, head.content) == (200, b"")


def test_the_admin_port_takes_no_endless_head(own):
    (worker,) = own.workers
    try:
        status = worker.get(PATH, headers={"X-Long": "a" * 100000}).status_code
    except requests.ConnectionError:
        status = None  # it did not even read to the end
    assert status in (400, None)
    assert worker.status("/health") == 200


# --- requests in the log


def failed_requests(api, message):
    return [row for row in api.logged() if row["message"] == message]


def test_good_requests_have_no_line_and_refused_ones_one_at_debug(own):
    api = own.apis[0]
    put(api, {"level": "info"})
    before = len(api.logged())
    api.get("/api/threats/not-an-id")
    completed(api)
    assert api.logged()[before:] == []
    put(api, {"level": "debug"})
    api.get("/api/stats?x=1")
    api.get("/api/threats/not-an-id")
    api.get("/no/such/path?token=abc")
    api.post_signal(signal(request_count=-1))
    refused = lambda: failed_requests(api, "request refused")  # noqa: E731
    wait_until(lambda: len(refused()) >= 3, 10, "they are told: a line comes when its answer has gone")
    assert [(row["route"], row["status"], row["level"]) for row in refused()] == [
        ("GET /api/threats/{id}", 422, "debug"),
        ("unknown", 404, "debug"),
        ("POST /api/threats", 422, "debug"),
    ]
    put(api, {"level": "info"})


def test_what_is_no_request_has_a_line_too(own):
    api = own.apis[1]
    put(api, {"level": "debug"})
    answer = exchange(api, b"POST /api/threats HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
    assert answer.status_code == 413
    lines = wait_until(lambda: [row for row in failed_requests(api, "request refused") if row["status"] == 413], 10, "it is told")
    assert [row["route"] for row in lines] == ["unknown"]
    put(api, {"level": "info"})
