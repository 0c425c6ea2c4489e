"""What the HTTP calls promise when they are used well."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

import raw_http
from contract import check, check_problem, check_sums
from fleet import Fleet
from processes import wait_until
from sample_signals import TYPES, fresh_customer, signal, varied
from steps import when_completed


# --- POST /api/threats


def test_post_answers_202_and_where_to_look(api):
    answer = api.post_signal(signal())
    assert answer.status_code == 202
    body = check(answer.json(), "accepted.json")
    assert body["status"] == "pending"
    assert answer.headers["Location"] == f"/api/threats/{body['id']}"
    seen = api.get(answer.headers["Location"])
    assert seen.status_code == 200, "visible at once"
    check(seen.json(), "threat.json")
    check_sums(check(when_completed(api, body["id"]), "analysis.json"))


def test_ids_sort_by_time(api):
    ids = [api.post_signal(signal()).json()["id"] for _ in range(50)]
    assert ids == sorted(ids)


def test_prefer_wait_answers_with_the_analysis(api):
    answer = api.post_signal(signal(), Prefer="wait=20")
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert api.get(f"/api/threats/{answer.json()['id']}").json() == check(answer.json(), "analysis.json")


def test_no_wait_misses_its_analysis(fleet):
    """However fast the analysis is: it may be complete before its request is known to wait."""

    def waited(i):
        return fleet.apis[i % 2].post("/api/threats", signal(request_count=i), headers={"Prefer": "wait=5"}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(waited, range(800))) == {200}


@pytest.mark.parametrize("prefer, applied", [("wait=100", "wait=30"), ("respond-async, wait=5", "wait=5"), ("WAIT=7", "wait=7")])
def test_prefer_is_read_as_rfc_7240_writes_it(api, prefer, applied):
    answer = api.post_signal(signal(), Prefer=prefer)
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == applied


@pytest.mark.parametrize("prefer", ["wait=abc", "wait=-1", "wait", "return=minimal", "", ";;,,="])
def test_a_preference_that_cannot_be_read_is_ignored(api, prefer):
    answer = api.post_signal(signal(), Prefer=prefer)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_the_same_idempotency_key_is_the_same_threat(fleet):
    customer = fresh_customer()
    key = f"key-{customer}"
    answers = [fleet.apis[i % 2].post_signal(signal(customer_id=customer), Idempotency_Key=key) for i in range(6)]
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["Location"] for answer in answers}) == 1
    when_completed(fleet.api, answers[0].json()["id"])
    assert len(fleet.api.get(f"/api/threats?customer_id={customer}").json()) == 1
    other = fleet.api.post_signal(signal(customer_id=customer), Idempotency_Key=key + "x")
    assert other.json()["id"] != answers[0].json()["id"]


def test_the_same_idempotency_key_at_the_same_moment(fleet):
    customer = fresh_customer()
    body = json.dumps(signal(customer_id=customer)).encode()
    request = raw_http.post("/api/threats", body, "Content-Type: application/json", f"Idempotency-Key: {customer}")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: raw_http.exchange(fleet.apis[i % 2], request), range(16)))
    assert len({json.loads(answer.body)["id"] for answer in answers}) == 1
    fleet.wait_idle()
    assert len(fleet.api.get(f"/api/threats?customer_id={customer}").json()) == 1


def test_the_same_idempotency_key_with_wait_gives_the_analysis_again(api):
    key = f"key-{fresh_customer()}"
    first, second = (api.post_signal(signal(), Prefer="wait=20", Idempotency_Key=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


@pytest.mark.parametrize("key", ["x", "x" * 255, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~\"\\"])
def test_any_visible_key_will_do(api, key):
    key = key[: 255 - 12] + fresh_customer()[-12:] if len(key) > 200 else key + fresh_customer()
    ids = {api.post_signal(signal(), Idempotency_Key=key).json()["id"] for _ in range(2)}
    assert len(ids) == 1


def test_a_refused_signal_does_not_use_up_its_key(api):
    key = f"key-{fresh_customer()}"
    assert api.post_signal(signal(source_ip="x"), Idempotency_Key=key).status_code == 422
    assert api.post_signal(signal(), Idempotency_Key=key).status_code == 202


# --- trigger


@pytest.mark.parametrize("threat_type", TYPES)
def test_trigger_needs_the_type_only(api, threat_type):
    answer = api.post("/api/threats/trigger", {"threat_type": threat_type})
    assert answer.status_code == 200
    analysis = check_sums(check(answer.json(), "analysis.json"))
    assert analysis["signal"]["threat_type"] == threat_type


def test_trigger_makes_up_varied_signals(api):
    made = [api.post("/api/threats/trigger", {"threat_type": "data_scraping"}).json()["signal"] for _ in range(12)]
    assert len({row["source_ip"] for row in made}) > 3
    assert len({row["request_count"] for row in made}) > 3


def test_trigger_keeps_what_is_given(api):
    given = {"threat_type": "brute_force", "source_ip": "2001:db8::5", "customer_id": "given", "request_count": 77}
    made = api.post("/api/threats/trigger", given).json()["signal"]
    assert {name: made[name] for name in given} == given


# --- batch


def lines(rows):
    return b"\n".join(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/json"])
def test_batch_takes_the_good_and_names_the_bad(api, kind):
    customer = fresh_customer()
    rows = [signal(customer_id=customer, request_count=i) for i in range(6)]
    rows[1] = signal(source_ip="nowhere", request_count=-1)
    rows[4] = {}
    body = lines(rows) if kind == "application/x-ndjson" else json.dumps(rows).encode()
    answer = api.post("/api/threats/batch", body, headers={"Content-Type": kind})
    assert answer.status_code == 202
    result = check(answer.json(), "batch_result.json")
    assert (result["accepted"], result["rejected"], len(result["ids"])) == (4, 2, 4)
    assert [row["index"] for row in result["errors"]] == [1, 4]
    assert {error["pointer"] for error in result["errors"][0]["errors"]} == {"/source_ip", "/request_count"}
    kept = [when_completed(api, id_)["signal"]["request_count"] for id_ in result["ids"]]
    assert kept == [0, 2, 3, 5], "ids stand in the order of the batch"


def test_batch_of_broken_and_good_lines(api):
    body = b"\r\n".join([json.dumps(signal()).encode(), b"{broken", b"", b"\xff\xfe", json.dumps(signal()).encode()]) + b"\r\n"
    result = api.post("/api/threats/batch", body, headers={"Content-Type": "application/x-ndjson"}).json()
    assert (result["accepted"], result["rejected"]) == (2, 2)


def test_batch_of_a_thousand(fleet):
    customer = fresh_customer("many")
    result = fleet.api.post("/api/threats/batch", varied(1000, customer)).json()
    assert (result["accepted"], result["rejected"], len(set(result["ids"]))) == (1000, 0, 1000)
    assert result["ids"] == sorted(result["ids"])
    fleet.wait_idle()
    for api in fleet.apis:
        wait_until(
            lambda: len(api.get(f"/api/threats?status=completed&search={customer}&limit=1000").json()) == 1000, 20, "all are listed"
        )


# --- GET /api/threats/{id} before the analysis


def test_a_threat_is_visible_while_no_worker_runs():
    with Fleet(apis=2, workers=0) as fleet:
        answer = fleet.api.post_signal(signal(customer_name="Bürger & Söhne"), Prefer="wait=1")
        assert answer.status_code == 202, "the wait is over"
        id_ = answer.json()["id"]
        for api in fleet.apis:
            record = check(api.get(f"/api/threats/{id_}").json(), "pending.json")
            assert (record["id"], record["status"], record["verdict"]) == (id_, "pending", None)
            assert record["signal"]["customer_name"] == "Bürger & Söhne"
            wait_until(lambda: api.get("/api/threats?status=pending").json() == [record], 10, "the list shows it")
            assert api.get("/api/threats").json() == [record]
            assert api.get("/api/threats?severity=low,medium,high,critical").json() == []
            stats = check(api.get("/api/stats").json(), "stats.json")
            assert stats["by_status"]["pending"] == stats["total"] == 1
        wait_until(lambda: (fleet.api.get("/api/backlog").json()["oldest_waiting_seconds"] or 0) > 0.2, 10, "the wait is measured")
        backlog = check(fleet.api.get("/api/backlog").json(), "backlog.json")
        assert (backlog["length"], backlog["outstanding"]) == (1, 1)
        fleet.add_worker().wait_ready()
        analysis = when_completed(fleet.api, id_)
        assert analysis["created_at"] == record["created_at"]
        assert analysis["signal"] == record["signal"]
        assert analysis["investigation_timeline"]["phase_breakdown"]["queue_wait"] > 200
        assert fleet.store.hget(f"threat:{id_}", "data")


def test_the_backlog_has_a_limit():
    with Fleet(apis=1, workers=0, SOC_OUTSTANDING_LIMIT=10) as fleet:
        taken = 0

        def refused():
            nonlocal taken
            answer = fleet.api.post_signal(signal())
            taken += answer.status_code == 202
            return [answer] if answer.status_code != 202 else None

        (answer,) = wait_until(refused, 20, "the limit is in force")
        check_problem(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
        assert fleet.redis.entries_added() == taken
        fleet.add_worker().wait_ready()
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 202, 20, "signals are taken again")
