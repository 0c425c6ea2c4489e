"""POST /api/incidents: past, resolved incidents are judged cases of the histories, each id once."""

import concurrent.futures
import itertools
import json

import pytest
import requests

from contract import check, check_problem
from fleet import Fleet
from processes import wait_until
from sample_signals import fresh_customer
from steps import completed

_numbers = itertools.count(1)
PATH = "/api/incidents"


def incident(**changes):
    fields = {
        "id": f"PAST-{next(_numbers)}",
        "customer_id": "incident-customer",
        "threat_type": "bot_traffic",
        "source_ip": "45.97.0.1",
        "user_agent": "old-bot/1.0",
        "severity": "medium",
        "verdict": "false_positive",
        "occurred_at": "2026-03-01T10:00:00Z",
        "note": "their own monitor",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def import_all(api, rows):
    answer = api.post(PATH, rows)
    assert answer.status_code == 200, answer.text
    return check(answer.json(), "incidents_result.json")


def numbers(result):
    return result["accepted"], result["unchanged"], result["rejected"]


def counts(store, customer, type_="bot_traffic"):
    text = store.get(f"history:customer:{customer}:{type_}")
    return tuple(int(word) for word in text.split("|")[0].split()[:3]) if text else (0, 0, 0)


def recent(store, customer, type_="bot_traffic"):
    return [case.split(" ")[0] for case in store.get(f"history:customer:{customer}:{type_}").split("|")[1:]]


@pytest.fixture
def customer():
    return fresh_customer("incident")


def test_incidents_are_counted_in_all_histories(fleet, customer):
    rows = [incident(customer_id=customer, source_ip="45.97.7.1", verdict=verdict) for verdict in ("false_positive", "true_positive", "false_positive")]
    rows[2].pop("user_agent")
    assert numbers(import_all(fleet.api, rows)) == (3, 0, 0)
    assert counts(fleet.store, customer) == (3, 2, 1)
    assert fleet.store.get("history:address:45.97.7.1").startswith("3 2 1 ")
    assert {json.loads(fleet.store.hget("incidents", row["id"]))["customer_id"] for row in rows} == {customer}


def test_later_analyses_name_the_incident(fleet, customer):
    row = incident(customer_id=customer, source_ip="45.97.7.2", severity=..., id="SNOW:INC_0.7-x")
    import_all(fleet.api, [row])
    threat = completed(fleet.api, customer_id=customer, source_ip="45.97.7.2")
    assert threat["agent_analyses"]["historical"]["key_findings"] == ["SNOW:INC_0.7-x: severity unknown, false_positive (same address)"]
    assert threat["false_positive_score"]["similar_resolved_as_fp"] == 1
    check(threat, "analysis.json")
    again = fleet.api.post(f"/api/threats/{threat['id']}/explain")
    assert again.content == fleet.api.get(f"/api/threats/{threat['id']}").content


def test_ndjson_and_array_are_the_same(fleet, customer):
    rows = [incident(customer_id=customer) for _ in range(3)]
    lines = "\r\n".join(json.dumps(row) for row in rows) + "\n\n"
    answer = fleet.api.post(PATH, lines.encode(), headers={"Content-Type": "application/x-ndjson"})
    assert numbers(check(answer.json(), "incidents_result.json")) == (3, 0, 0)
    assert numbers(import_all(fleet.api, rows)) == (0, 3, 0)
    assert counts(fleet.store, customer) == (3, 3, 0)


def test_importing_again_counts_nothing_and_another_verdict_moves_the_counts(fleet, customer):
    row = incident(customer_id=customer)
    assert numbers(import_all(fleet.apis[0], [row, row])) == (1, 1, 0)
    assert numbers(import_all(fleet.apis[1], [row])) == (0, 1, 0)
    assert counts(fleet.store, customer) == (1, 1, 0)
    assert numbers(import_all(fleet.api, [{**row, "verdict": "true_positive"}])) == (1, 0, 0)
    assert counts(fleet.store, customer) == (1, 0, 1)
    assert numbers(import_all(fleet.api, [{**row, "verdict": "true_positive", "note": "another note", "severity": "high"}])) == (1, 0, 0)
    assert counts(fleet.store, customer) == (1, 0, 1)
    assert " high 0 true_positive" in fleet.store.get(f"history:customer:{customer}:bot_traffic")


@pytest.mark.parametrize(
    "field, value",
    [
        ("customer_id", "somebody-else"),
        ("threat_type", "brute_force"),
        ("source_ip", "45.97.0.2"),
        ("user_agent", "other/1"),
        ("user_agent", ...),
        ("occurred_at", "2026-03-01T10:00:00.001Z"),
    ],
)
def test_another_incident_under_the_same_id_is_refused_by_name(fleet, customer, field, value):
    row = incident(customer_id=customer)
    import_all(fleet.api, [row])
    other = {**row, field: value}
    if value is ...:
        other.pop(field)
    result = import_all(fleet.api, [incident(customer_id=customer), other])
    assert numbers(result) == (1, 0, 1)
    (error,) = result["errors"]
    assert error == {"index": 1, "errors": [{"pointer": f"/{field}", "detail": f"an incident with this id is known with another {field}"}]}
    assert counts(fleet.store, customer) == (2, 2, 0)


def test_the_same_spelt_otherwise_is_the_same(fleet, customer):
    row = incident(customer_id=customer, source_ip="2001:db8::1", occurred_at="2026-03-01T10:00:00Z")
    assert numbers(import_all(fleet.api, [row, {**row, "source_ip": "2001:0DB8:0::0001", "occurred_at": "2026-03-01T12:00:00.000+02:00"}])) == (1, 1, 0)


def test_recent_cases_are_the_newest_whatever_comes_when(fleet, customer):
    days = [3, 9, 1, 7, 5, 2, 8]
    rows = [incident(customer_id=customer, id=f"{customer}.day{day}", occurred_at=f"2026-03-0{day}T10:00:00Z") for day in days]
    import_all(fleet.api, rows)
    assert recent(fleet.store, customer) == [f"{customer}.day{day}" for day in (9, 8, 7, 5, 3)]
    threat = completed(fleet.api, customer_id=customer)
    assert threat["facts"]["history"]["customer"]["first_seen"] == "2026-03-01T10:00:00.000Z"
    assert recent(fleet.store, customer) == [f"{customer}.day{day}" for day in (9, 8, 7, 5, 3)], "an unjudged one does not enter"


def test_the_id_of_a_threat_is_refused(fleet, customer):
    threat = completed(fleet.api, customer_id=customer)
    rows = [incident(id=threat["id"], customer_id=customer), incident(id=threat["id"].upper(), customer_id=customer)]
    body = check_problem(fleet.api.post(PATH, rows), 422)
    assert [row["errors"][0]["pointer"] for row in body["errors"]] == ["/id", "/id"]
    assert numbers(import_all(fleet.api, [incident(id="01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e91", customer_id=customer)])) == (1, 0, 0)


BAD = [
    ({"id": ""}, ["/id"]),
    ({"id": "a b"}, ["/id"]),
    ({"id": "x" * 65}, ["/id"]),
    ({"id": 7}, ["/id"]),
    ({"customer_id": "a/b"}, ["/customer_id"]),
    ({"threat_type": "flood"}, ["/threat_type"]),
    ({"source_ip": "1.2.3"}, ["/source_ip"]),
    ({"user_agent": "x" * 1025}, ["/user_agent"]),
    ({"user_agent": 1}, ["/user_agent"]),
    ({"severity": "severe"}, ["/severity"]),
    ({"verdict": None}, ["/verdict"]),
    ({"verdict": "none"}, ["/verdict"]),
    ({"occurred_at": "yesterday"}, ["/occurred_at"]),
    ({"occurred_at": "2099-01-01T00:00:00Z"}, ["/occurred_at"]),
    ({"occurred_at": "1969-12-31T23:59:59Z"}, ["/occurred_at"]),
    ({"note": "x" * 2001}, ["/note"]),
    ({"customer_name": "Acme"}, ["/customer_name"]),
    ({"id": ..., "customer_id": ..., "threat_type": ..., "source_ip": ..., "verdict": ..., "occurred_at": ...}, ["/id", "/customer_id", "/threat_type", "/source_ip", "/verdict", "/occurred_at"]),
]


@pytest.mark.parametrize("changes, pointers", BAD)
def test_bad_incidents_name_every_fault_and_leave_good_ones(fleet, customer, changes, pointers):
    result = import_all(fleet.api, [incident(customer_id=customer), incident(**{"customer_id": customer, **changes}), incident(customer_id=customer)])
    assert numbers(result) == (2, 0, 1)
    (error,) = result["errors"]
    assert (error["index"], [row["pointer"] for row in error["errors"]]) == (1, pointers)
    assert counts(fleet.store, customer) == (2, 2, 0)


def test_when_none_is_good_the_answer_is_a_problem(fleet):
    known = fleet.store.hlen("incidents")
    body = check_problem(fleet.api.post(PATH, [incident(verdict="no"), 7, {}]), 422)
    assert (body["accepted"], body["unchanged"], body["rejected"]) == (0, 0, 3)
    assert [row["index"] for row in body["errors"]] == [0, 1, 2]
    for raw in (b"", b"\n \n", b"[]", b"[{}", b"{}"):
        check_problem(fleet.api.post(PATH, raw, headers={"Content-Type": "application/json"}), 422)
    assert fleet.store.hlen("incidents") == known


def test_limits(fleet, customer):
    rows = [incident(customer_id=customer) for _ in range(1000)]
    assert numbers(import_all(fleet.api, rows)) == (1000, 0, 0)
    assert counts(fleet.store, customer) == (1000, 1000, 0)
    check_problem(fleet.api.post(PATH, [*rows, incident(customer_id=customer)]), 413)
    check_problem(fleet.api.post(PATH, b" " * (4 * 1024 * 1024 + 1), headers={"Content-Type": "application/x-ndjson"}), 413)
    check_problem(fleet.api.post(PATH, b"{}", headers={"Content-Type": "text/csv"}), 415)
    check_problem(fleet.api.get(PATH), 405)


def test_many_importers_of_one_file_count_once(fleet, customer):
    rows = [incident(customer_id=customer, verdict="true_positive" if number % 4 else "false_positive") for number in range(60)]

    def one(number):
        answer = requests.post(fleet.apis[number % 2].url + PATH, json=rows, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["accepted"]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 60
    assert counts(fleet.store, customer) == (60, 15, 45)


def test_without_redis_nothing_is_taken_and_later_the_same_file_is():
    rows = [incident(id=f"away-{number}", customer_id="away") for number in range(5)]
    with Fleet(apis=1, workers=0) as fleet:
        fleet.redis.terminate()
        check_problem(fleet.api.post(PATH, rows), 503)
        fleet.redis.start()
        fleet.api.wait_ready()
        answer = wait_until(lambda: (got := fleet.api.post(PATH, rows)).status_code == 200 and got, 20, "they are taken")
        assert answer.json()["accepted"] == 5
        assert counts(fleet.store, "away") == (5, 5, 0)
