"""POST /api/threats/{id}/explain: the same bytes, or what differs."""

import json

import pytest

from contract import check, check_problem
from fleet import Fleet
from processes import wait_until
from sample_signals import fresh_customer, real, signal
from steps import completed, when_completed

UNKNOWN = "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90"


def explain(api, id_):
    return api.post(f"/api/threats/{id_}/explain")


def assert_same(fleet, id_):
    for api in fleet.apis:
        again, shown = explain(api, id_), api.get(f"/api/threats/{id_}")
        assert again.status_code == shown.status_code == 200, again.text
        assert again.headers["Content-Type"] == "application/json"
        assert again.content == shown.content, again.text[:2000]
    return shown.json()


def test_every_real_signal_is_explained_by_its_bytes(fleet):
    ids = fleet.api.post("/api/threats/batch", real()).json()["ids"]
    assert len(ids) == len(real())
    for id_ in ids:
        when_completed(fleet.api, id_)
        check(assert_same(fleet, id_), "analysis.json")


def test_judged_cases_and_verdicts_change_no_byte_of_an_explanation(fleet):
    customer = fresh_customer("explain")
    threats = [completed(fleet.api, customer_id=customer, source_ip="45.98.0.7") for _ in range(4)]
    for number, threat in enumerate(threats):
        fleet.api.post(f"/api/threats/{threat['id']}/verdict", {"verdict": ["false_positive", "true_positive"][number % 2], "note": "ä\n"})
    later = completed(fleet.api, customer_id=customer, source_ip="45.98.0.7")
    assert later["facts"]["history"]["address"]["recent"], "the facts hold judged cases"
    for threat in (*threats, later):
        assert_same(fleet, threat["id"])
    assert assert_same(fleet, threats[0]["id"])["verdict"]["note"] == "ä\n"


def test_context_and_odd_raw_data_are_explained(fleet):
    fleet.store.hset("customer:explained", mapping={"name": "Explained", "tier": "enterprise", "auto_block": "1", "contacts": "a@x b@x"})
    fleet.store.hset("infra:events", "chg-77", json.dumps({"kind": "deployment", "title": "Release", "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2036-01-01T00:00:00Z"}))
    fleet.store.xadd("context:log", {"kind": "all"})
    odd = {"n": 1e300, "deep": [[[[{"a/b~": "\u0001\U0001d11e"}]]]], "service": "http", "sample_paths": ["/%2e%2e/", "/.env"]}

    def with_context():
        threat = completed(fleet.api, customer_id="explained", raw_data=odd)
        return threat["facts"]["customer"]["tier"] == "enterprise" and threat["facts"].get("infra") and threat

    try:
        assert_same(fleet, wait_until(with_context, 20, "the context is there")["id"])
    finally:
        fleet.store.hdel("infra:events", "chg-77")
        fleet.store.xadd("context:log", {"kind": "infra"})


@pytest.fixture
def threat(fleet):
    return completed(fleet.api, customer_id=fresh_customer("tampered"))


def tamper(fleet, id_, change):
    body = json.loads(fleet.store.hget(f"threat:{id_}", "data"))
    change(body)
    fleet.store.hset(f"threat:{id_}", "data", json.dumps(body, separators=(",", ":"), ensure_ascii=False))
    return body


def test_a_changed_score_is_named(fleet, threat):
    was = threat["risk_score"]
    tamper(fleet, threat["id"], lambda body: body.update(risk_score=was + 1))
    told = check(explain(fleet.api, threat["id"]).json(), "explain.json")
    assert told["id"] == threat["id"]
    assert told["differences"] == [{"pointer": "/risk_score", "analysis": was + 1, "now": was}]


def test_changed_facts_show_what_follows_from_them(fleet, threat):
    tamper(fleet, threat["id"], lambda body: body["facts"]["customer"].update(requests_per_minute=100000))
    told = check(explain(fleet.api, threat["id"]).json(), "explain.json")
    pointers = {row["pointer"] for row in told["differences"]}
    assert "/agent_analyses/config/analysis" in pointers and "/risk_score" in pointers


def test_an_analysis_of_other_rules_is_told_so(fleet, threat):
    tamper(fleet, threat["id"], lambda body: body.update(rules_version="0"))
    told = check(explain(fleet.api, threat["id"]).json(), "explain.json")
    assert told["rules_version"] == {"analysis": "0", "now": threat["rules_version"]}
    assert [row["pointer"] for row in told["differences"]] == ["/rules_version"]


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda body: body.pop("facts"), "facts"),
        (lambda body: body["facts"].update(surprise=1), "surprise"),
        (lambda body: body["facts"]["customer"].update(tier="gold"), "tier"),
        (lambda body: body["signal"].pop("source_ip"), "signal"),
        (lambda body: body["measured"].update(steps=[1]), "steps"),
    ],
)
def test_without_readable_facts_the_reason_is_told(fleet, threat, change, reason):
    tamper(fleet, threat["id"], change)
    assert reason in check_problem(explain(fleet.api, threat["id"]), 422)["detail"]


def test_what_cannot_be_explained(fleet):
    check_problem(explain(fleet.api, UNKNOWN), 404)
    check_problem(explain(fleet.api, "nonsense"), 422)
    check_problem(fleet.api.get(f"/api/threats/{UNKNOWN}/explain"), 405)


def test_an_explanation_outlives_its_worker_and_needs_no_body():
    with Fleet(apis=1, workers=1) as fleet:
        id_ = completed(fleet.api, **signal())["id"]
        fleet.workers.pop().terminate()
        assert explain(fleet.api, id_).content == fleet.api.get(f"/api/threats/{id_}").content
        answer = fleet.api.post(f"/api/threats/{id_}/explain", b"anything", headers={"Content-Type": "text/plain"})
        assert answer.status_code == 200
