"""Customers over HTTP: the record as it is put is the record that is read, in HTTP and by the workers."""

import json
import time

import pytest

from contract import check, check_problem
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from steps import completed

WITHIN_S = 1.5 * TIME_SCALE  # a second, and one more question and answer

RECORD = {
    "name": "Acme Bank",
    "tier": "enterprise",
    "requests_per_minute": 120,
    "limits": {"credential_stuffing": 60, "brute_force": 10**12},
    "auto_block": True,
    "allowlist": ["203.0.114.0/24", "2001:4860::/32", "198.51.100.9"],
    "allowlist_user_agents": ["AcmeMonitor/*", "*Uptime Check*"],
    "contacts": {"soc-tier-1": ["duty@acme.example", "+49-30-1"], "account-manager": ["boss@acme.example"]},
    "sla_minutes": {"critical": 5, "low": 525600},
    "retention_days": 30,
}


@pytest.fixture(scope="module")
def own():
    """A fleet of its own: context concerns everybody."""
    with Fleet(apis=2, workers=2) as running:
        yield running


def put(api, id_, record):
    return api.http.put(f"{api.url}/api/customers/{id_}", json=record, timeout=20)


def delete(api, id_):
    return api.http.delete(f"{api.url}/api/customers/{id_}", timeout=20)


def test_a_record_is_stored_whole_and_shown_by_every_api(own):
    answer = put(own.api, "acme-bank", RECORD)
    assert answer.status_code == 201, answer.text
    assert check(answer.json(), "customer.json") == {"id": "acme-bank", **RECORD}
    for api in own.apis:
        assert api.get("/api/customers/acme-bank").json() == answer.json()
    assert put(own.api, "acme-bank", answer.json()).status_code == 200, "what was read can be put"


def test_the_hash_is_what_workers_read(own):
    put(own.api, "hash", RECORD)
    assert own.store.hgetall("customer:hash") == {
        "name": "Acme Bank",
        "tier": "enterprise",
        "requests_per_minute": "120",
        "limit:credential_stuffing": "60",
        "limit:brute_force": "1000000000000",
        "auto_block": "1",
        "allowlist": "203.0.114.0/24 2001:4860::/32 198.51.100.9",
        "allowlist_user_agents": "AcmeMonitor/*\n*Uptime Check*",
        "contacts:soc-tier-1": "duty@acme.example +49-30-1",
        "contacts:account-manager": "boss@acme.example",
        "sla:critical": "5",
        "sla:low": "525600",
        "retention_days": "30",
    }
    assert own.store.xrevrange("context:log", count=1)[0][1] == {"kind": "customer", "id": "hash"}
    completed(own.api, customer_id="hash")
    assert not [row for row in own.workers[0].logged() if row.get("record") == "customer"]


def test_put_replaces_and_leaves_nothing_behind(own):
    put(own.api, "replaced", RECORD)
    answer = put(own.api, "replaced", {"name": "New"})
    assert (answer.status_code, answer.json()) == (200, {"id": "replaced", "name": "New", "tier": "standard", "auto_block": False})
    assert own.store.hgetall("customer:replaced") == {"name": "New", "tier": "standard", "auto_block": "0"}


def test_delete_removes_once(own):
    put(own.api, "gone", {"tier": "premium"})
    answer = delete(own.api, "gone")
    assert (answer.status_code, answer.content) == (204, b"")
    check_problem(delete(own.api, "gone"), 404)
    check_problem(own.api.get("/api/customers/gone"), 404)
    assert not own.store.exists("customer:gone")


BAD = [
    ({"tier": "gold"}, "/tier"),
    ({"tier": 1}, "/tier"),
    ({"name": ""}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"name": "a\nb"}, "/name"),
    ({"name": "a\u0000b"}, "/name"),
    ({"name": None}, "/name"),
    ({"id": "another"}, "/id"),
    ({"requests_per_minute": 0}, "/requests_per_minute"),
    ({"requests_per_minute": 1.5}, "/requests_per_minute"),
    ({"requests_per_minute": 10**12 + 1}, "/requests_per_minute"),
    ({"limits": {"sneezing": 1}}, "/limits/sneezing"),
    ({"limits": {"brute_force": "60"}}, "/limits/brute_force"),
    ({"limits": []}, "/limits"),
    ({"auto_block": "yes"}, "/auto_block"),
    ({"allowlist": "10.0.0.0/8"}, "/allowlist"),
    ({"allowlist": ["10.0.0.0/8", "10.0.0.1/8"]}, "/allowlist/1"),
    ({"allowlist": ["10.0.0.0/33"]}, "/allowlist/0"),
    ({"allowlist": ["10.0.0.1 "]}, "/allowlist/0"),
    ({"allowlist": [f"10.{i >> 8}.{i & 255}.1" for i in range(4097)]}, "/allowlist"),
    ({"allowlist_user_agents": [""]}, "/allowlist_user_agents/0"),
    ({"allowlist_user_agents": ["a\nb"]}, "/allowlist_user_agents/0"),
    ({"allowlist_user_agents": [" a"]}, "/allowlist_user_agents/0"),
    ({"allowlist_user_agents": ["x" * 1025]}, "/allowlist_user_agents/0"),
    ({"allowlist_user_agents": ["*"] * 257}, "/allowlist_user_agents"),
    ({"allowlist_user_agents": ["x" * 1000] * 70}, "/allowlist_user_agents"),
    ({"contacts": ["duty@acme.example"]}, "/contacts"),
    ({"contacts": {"boss": ["x"]}}, "/contacts/boss"),
    ({"contacts": {"soc-tier-1": ["a b"]}}, "/contacts/soc-tier-1/0"),
    ({"contacts": {"soc-tier-1": ["x" * 129]}}, "/contacts/soc-tier-1/0"),
    ({"contacts": {"soc-tier-1": ["a", "b", "c", "d", "e"]}}, "/contacts/soc-tier-1"),
    ({"sla_minutes": {"none": 5}}, "/sla_minutes/none"),
    ({"sla_minutes": {"high": 525601}}, "/sla_minutes/high"),
    ({"retention_days": 3651}, "/retention_days"),
    ({"retention_days": 0}, "/retention_days"),
    ({"colour": "blue"}, "/colour"),
    ({"a/b~c": 1}, "/a~1b~0c"),
    ([], ""),
]


@pytest.mark.parametrize("record, pointer", BAD)
def test_a_bad_record_is_refused_where_it_is_bad(own, record, pointer):
    problem = check_problem(put(own.api, "bad", record), 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert not own.store.exists("customer:bad")


def test_every_fault_is_told_at_once(own):
    record = {"tier": "gold", "limits": {"x": 1, "brute_force": 0}, "colour": 1, "allowlist": ["a", "10.0.0.0/8", "b"]}
    problem = check_problem(put(own.api, "bad", record), 422)
    assert [error["pointer"] for error in problem["errors"]] == ["/tier", "/limits/x", "/limits/brute_force", "/colour", "/allowlist/0", "/allowlist/2"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"tier":"premium"} x', b'{"tier":"premium","tier":"premium"}', b'{"name":"\xff"}'])
def test_what_is_no_json_is_refused(own, body):
    answer = own.api.http.put(f"{own.api.url}/api/customers/bad", data=body, headers={"Content-Type": "application/json"}, timeout=20)
    check_problem(answer, 422)


def test_type_and_size_are_bounded(own):
    url = f"{own.api.url}/api/customers/bad"
    check_problem(own.api.http.put(url, data=b"{}", headers={"Content-Type": "text/plain"}, timeout=20), 415)
    large = b'{"name":"' + b"x" * (256 * 1024) + b'"}'
    problem = check_problem(own.api.http.put(url, data=large, headers={"Content-Type": "application/json"}, timeout=20), 413)
    assert "262144" in problem["detail"]


@pytest.mark.parametrize("id_", ["a%20b", "x" * 65, "%00", "a:b"])
def test_a_bad_id_is_refused(own, id_):
    for answer in (own.api.get(f"/api/customers/{id_}"), put(own.api, id_, {}), delete(own.api, id_)):
        assert check_problem(answer, 422)["errors"][0]["parameter"] == "id"


def test_the_list_is_whole_and_paged(own):
    ids = [f"paged-{i:03}" for i in range(130)]
    for id_ in ids:
        assert put(own.api, id_, {"name": id_}).status_code == 201
    own.store.hset("customer:paged-by-hand", mapping={"tier": "golden", "allowlist": "nowhere 10.0.0.0/8", "requests_per_minute": "many"})
    own.store.xadd("context:log", {"kind": "customer", "id": "paged-by-hand"})
    wait_until(lambda: own.store.sismember("customers", "paged-by-hand"), 10, "a worker has heard of it")
    found, path = [], "/api/customers?limit=50&cursor=paged"
    while path:
        answer = own.apis[1].get(path)
        found += [check(row, "customer.json") for row in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else None
    shown = [row["id"] for row in found]
    assert shown == sorted(shown)
    assert [id_ for id_ in shown if id_.startswith("paged-")] == [*ids, "paged-by-hand"]
    by_hand = next(row for row in found if row["id"] == "paged-by-hand")
    assert by_hand == {"id": "paged-by-hand", "tier": "standard", "auto_block": False, "allowlist": ["10.0.0.0/8"]}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=a%20b", "page=2"])
def test_a_bad_query_is_refused(own, query):
    problem = check_problem(own.api.get(f"/api/customers?{query}"), 422)
    assert problem["errors"][0]["parameter"] == query.split("=")[0]


def test_workers_judge_by_the_new_record_within_a_second(own):
    fields = {"customer_id": "judged", "request_count": 9000, "time_window_minutes": 15, "source_ip": "203.0.114.9"}
    before = completed(own.api, **fields)
    assert before["facts"]["customer"] == {"known": False, "tier": "standard", "requests_per_minute": 60}
    put(own.api, "judged", RECORD)
    started = time.monotonic()
    after = wait_until(lambda: (row := completed(own.api, **fields))["facts"]["customer"].get("auto_block") and row, WITHIN_S, "the record is used")
    assert time.monotonic() - started < WITHIN_S
    assert after["facts"]["customer"]["allowlisted_by"] == "203.0.114.0/24"
    assert after["facts"]["customer"]["contacts"] == {"soc-tier-1": "duty@acme.example +49-30-1", "account-manager": "boss@acme.example"}
    assert after["response_plan"]["escalation_path"][0] == "soc-tier-1: duty@acme.example +49-30-1"
    assert ("boss@acme.example" in json.dumps(after["response_plan"])) == (after["severity"] == "critical")
    delete(own.api, "judged")
    wait_until(lambda: completed(own.api, **fields)["facts"]["customer"].get("known") is False, WITHIN_S, "the record is forgotten")


def test_redis_away_is_503():
    with Fleet(apis=1, workers=0) as fleet:
        fleet.redis.kill()
        wait_until(lambda: fleet.api.status("/ready") == 503, 20, "the API has noticed")
        for answer in (fleet.api.get("/api/customers"), fleet.api.get("/api/customers/a"), put(fleet.api, "a", {}), delete(fleet.api, "a")):
            check_problem(answer, 503)
            assert answer.headers["Retry-After"]
