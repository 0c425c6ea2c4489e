"""An analyst's word: given, changed, taken back, counted once, told to everybody, and above automation."""

import concurrent.futures
import random
import threading

import pytest
import requests

from contract import check, check_problem
from fleet import Fleet
from live_client import LiveClient
from processes import wait_until
from sample_signals import fresh_customer, signal
from steps import completed

REASONS = {
    "false_positive": {"false_positive": 1, "disregard": 3, "benign": 5, "test": 6, "insufficient_data": 7, "duplicate": 10, "other": 99},
    "true_positive": {
        **{"true_positive": 2, "suspicious": 4, "security_risk": 8, "managed_externally": 9},
        **{"insufficient_data": 7, "duplicate": 10, "other": 99},
    },
}
UNKNOWN = "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90"


def path_of(id_):
    return f"/api/threats/{id_}/verdict"


def judge(api, id_, verdict, **more):
    answer = api.post(path_of(id_), {"verdict": verdict, **more})
    assert answer.status_code == 200, answer.text
    return check(answer.json(), "verdict_result.json")["verdict"]


def fresh(api, **changes):
    """An analysed threat whose histories nobody else touches."""
    customer = fresh_customer("verdict")
    address = f"45.99.{random.randrange(256)}.{random.randrange(1, 255)}"
    return completed(api, **{"customer_id": customer, "source_ip": address, "user_agent": f"agent of {customer}", **changes})


def history_keys(store, threat):
    customer, type_, address = (threat["signal"][name] for name in ("customer_id", "threat_type", "source_ip"))
    agents = [key for key in store.scan_iter("history:agent:*", count=1000) if threat["id"] in store.get(key)]
    return [f"history:customer:{customer}:{type_}", f"history:address:{address}", *agents]


def judged_in(store, key):
    total, falsely, really = (int(word) for word in store.get(key).split("|")[0].split()[:3])
    return total, falsely, really


def log_rows(store, id_):
    return [fields for _, fields in store.xrange("threats:log") if fields["id"] == id_]


def verdicts_told(api):
    return api.get("/api/stats").json()["verdicts"]


# --- one word


@pytest.mark.parametrize("verdict", ["false_positive", "true_positive"])
def test_a_verdict_is_stored_counted_and_shown_by_every_api(fleet, verdict):
    threat = fresh(fleet.api)
    given = judge(fleet.api, threat["id"], verdict, note="as \"seen\" before\n", analyst="Ada", reason="other")
    assert given == {**given, "verdict": verdict, "reason": "other", "ocsf_verdict_id": 99, "note": "as \"seen\" before\n", "analyst": "Ada", "automated": False}
    for api in fleet.apis:
        shown = api.get(f"/api/threats/{threat['id']}").json()
        assert check(shown, "analysis.json") == {**threat, "verdict": given}
        wait_until(lambda: api.get(f"/api/threats?customer_id={threat['signal']['customer_id']}").json() == [shown], 10, "the list shows it")
    keys = history_keys(fleet.store, threat)
    assert len(keys) == 3
    for key in keys:
        assert judged_in(fleet.store, key) == (1, verdict == "false_positive", verdict == "true_positive")
        assert f"{threat['id']} " in fleet.store.get(key) and fleet.store.get(key).endswith(f" {verdict}")


def test_every_reason_has_its_ocsf_id_and_its_verdicts(fleet):
    threat = fresh(fleet.api)
    words = sorted({reason for rows in REASONS.values() for reason in rows})
    for verdict, rows in REASONS.items():
        assert judge(fleet.api, threat["id"], verdict)["reason"] == verdict
        for reason in words:
            if reason in rows:
                assert judge(fleet.api, threat["id"], verdict, reason=reason)["ocsf_verdict_id"] == rows[reason]
            else:
                answer = fleet.api.post(path_of(threat["id"]), {"verdict": verdict, "reason": reason})
                assert [row["pointer"] for row in check_problem(answer, 422)["errors"]] == ["/reason"]


def test_the_row_is_the_completed_one_but_for_the_word(fleet):
    threat = fresh(fleet.api, customer_name="Ä long näme " * 16)
    judge(fleet.api, threat["id"], "true_positive")
    rows = {row["kind"]: row["row"] for row in log_rows(fleet.store, threat["id"])}
    assert rows["updated"] == rows["completed"].replace(" none ", " true_positive ", 1)


def test_every_client_of_every_api_hears_it_once(fleet):
    threat = fresh(fleet.api)
    with LiveClient(fleet.apis[0]) as first, LiveClient(fleet.apis[1]) as second:
        for client in (first, second):
            client.wait_for("initial_batch")
        for _ in range(3):
            judge(fleet.apis[1], threat["id"], "false_positive", note="the same")
        judge(fleet.apis[0], threat["id"], "true_positive")
        judge(fleet.apis[0], threat["id"], None)
        for client in (first, second):
            told = client.wait_for("threat_updated", 3, where=lambda message: message["data"]["id"] == threat["id"])
            assert [check(message, "events.json#/$defs/threat_updated")["data"].get("verdict") for message in told] == ["false_positive", "true_positive", None]
            marker = fresh(fleet.api)["id"]
            client.wait_for("new_threat", where=lambda message: message["data"]["id"] == marker)
            told = [message for message in client.messages("threat_updated") if message["data"]["id"] == threat["id"]]
            assert len(told) == 3, "nothing came twice"


# --- changed, repeated, taken back


def test_a_changed_word_is_counted_once(fleet):
    threat = fresh(fleet.api)
    keys = history_keys(fleet.store, threat)
    before = verdicts_told(fleet.apis[0])
    for verdict in ("false_positive", "true_positive", "true_positive", "false_positive", "true_positive"):
        judge(fleet.api, threat["id"], verdict)
        for key in keys:
            assert judged_in(fleet.store, key) == (1, verdict == "false_positive", verdict == "true_positive")
    for api in fleet.apis:
        wait_until(lambda: verdicts_told(api)["true_positive"] == before["true_positive"] + 1, 10, "both count it")
        assert verdicts_told(api)["false_positive"] == before["false_positive"]


def test_the_same_word_changes_nothing_and_answers_the_stored_one(fleet):
    threat = fresh(fleet.api)
    first = judge(fleet.api, threat["id"], "false_positive", note="n", analyst="a", reason="benign")
    rows = len(log_rows(fleet.store, threat["id"]))
    for api in fleet.apis:
        assert judge(api, threat["id"], "false_positive", note="n", analyst="a", reason="benign") == first
    assert len(log_rows(fleet.store, threat["id"])) == rows
    assert judge(fleet.api, threat["id"], "false_positive", note="m", analyst="a", reason="benign")["note"] == "m"
    assert len(log_rows(fleet.store, threat["id"])) == rows + 1
    assert judged_in(fleet.store, history_keys(fleet.store, threat)[0]) == (1, 1, 0)


def test_a_word_taken_back_leaves_no_trace(fleet):
    threat = fresh(fleet.api)
    keys = history_keys(fleet.store, threat)
    before = {key: fleet.store.get(key) for key in keys}
    judge(fleet.api, threat["id"], "true_positive")
    assert {key: fleet.store.get(key) for key in keys} != before
    for _ in range(2):
        assert judge(fleet.api, threat["id"], None) is None
    assert {key: fleet.store.get(key) for key in keys} == before
    assert fleet.api.get(f"/api/threats/{threat['id']}").json() == threat
    assert set(fleet.store.hkeys(f"threat:{threat['id']}")) == {"entry", "data"}
    assert [row["kind"] for row in log_rows(fleet.store, threat["id"])] == ["created", "completed", "updated", "updated"]


def test_the_review_queue_follows(fleet):
    threat = fresh(fleet.api, threat_type="anomaly_detection", user_agent=..., request_count=10)
    assert threat["requires_human_review"]
    waiting = wait_until(lambda: fleet.apis[0].get("/api/stats").json()["requires_review"], 10)
    judge(fleet.api, threat["id"], "false_positive")
    for api in fleet.apis:
        wait_until(lambda: api.get("/api/stats").json()["requires_review"] == waiting - 1, 10, "the queue is shorter")
    judge(fleet.api, threat["id"], None)
    for api in fleet.apis:
        wait_until(lambda: api.get("/api/stats").json()["requires_review"] == waiting, 10, "the queue is as before")


def test_later_analyses_name_the_judged_case(fleet):
    threat = fresh(fleet.api)
    again = {name: threat["signal"][name] for name in ("customer_id", "source_ip", "user_agent")}
    assert "key_findings" not in completed(fleet.api, **again)["agent_analyses"]["historical"]
    judge(fleet.api, threat["id"], "false_positive")
    later = completed(fleet.api, **again)
    assert f"{threat['id']}: {threat['severity']}, false_positive (same address)" in later["agent_analyses"]["historical"]["key_findings"]
    assert later["false_positive_score"]["similar_resolved_as_fp"] == 1
    check(later, "analysis.json")


# --- who may


def test_automation_never_overrides_a_human(fleet):
    threat = fresh(fleet.api)
    assert judge(fleet.api, threat["id"], "false_positive", automated=True)["automated"] is True
    judge(fleet.api, threat["id"], "true_positive", automated=True, analyst="playbook")
    human = judge(fleet.api, threat["id"], "false_positive", note='x","automated":true,"at":"y"}')
    for verdict in ("true_positive", "false_positive", None):
        check_problem(fleet.apis[1].post(path_of(threat["id"]), {"verdict": verdict, "automated": True}), 409)
    assert fleet.api.get(f"/api/threats/{threat['id']}").json()["verdict"] == human
    assert judged_in(fleet.store, history_keys(fleet.store, threat)[0]) == (1, 1, 0)
    assert judge(fleet.api, threat["id"], None) is None
    assert judge(fleet.api, threat["id"], "true_positive", automated=True)["automated"] is True


# --- what is refused

BAD = [
    ({}, ["/verdict"]),
    ([], [""]),
    ("false_positive", [""]),
    ({"verdict": "none"}, ["/verdict"]),
    ({"verdict": "benign"}, ["/verdict"]),
    ({"verdict": 1}, ["/verdict"]),
    ({"verdict": None, "reason": "benign", "note": "x"}, ["/reason", "/note"]),
    ({"verdict": "false_positive", "reason": "lazy"}, ["/reason"]),
    ({"verdict": "false_positive", "reason": "security_risk"}, ["/reason"]),
    ({"verdict": "false_positive", "note": "x" * 2001}, ["/note"]),
    ({"verdict": "false_positive", "note": ""}, ["/note"]),
    ({"verdict": "false_positive", "note": "a\0b"}, ["/note"]),
    ({"verdict": "false_positive", "analyst": "ä" * 129}, ["/analyst"]),
    ({"verdict": "false_positive", "automated": "yes"}, ["/automated"]),
    ({"verdict": "false_positive", "automated": None}, ["/automated"]),
    ({"verdict": True, "note": 7, "analyst": [], "automated": 0, "at/": {"x": [1]}}, ["/verdict", "/note", "/analyst", "/automated", "/at~1"]),
]


@pytest.fixture(scope="module")
def quiet(fleet):
    return fresh(fleet.api)


@pytest.mark.parametrize("body, pointers", BAD)
def test_bad_words_name_every_fault(fleet, quiet, body, pointers):
    rows = len(log_rows(fleet.store, quiet["id"]))
    errors = check_problem(fleet.api.post(path_of(quiet["id"]), body), 422)["errors"]
    assert [row["pointer"] for row in errors] == pointers
    assert len(log_rows(fleet.store, quiet["id"])) == rows
    assert fleet.store.hget(f"threat:{quiet['id']}", "verdict") is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"verdict":"false_positive"}x', b'{"verdict":"\xff"}', b'{"verdict":"false_positive","verdict":"true_positive"}', b'{"verdict":"\\ud800"}'],
)
def test_broken_bodies_are_422(fleet, quiet, raw):
    check_problem(fleet.api.post(path_of(quiet["id"]), raw, headers={"Content-Type": "application/json"}), 422)


def test_the_longest_texts_are_taken(fleet):
    threat = fresh(fleet.api)
    given = judge(fleet.api, threat["id"], "false_positive", note="𝄞" * 2000, analyst="ä" * 128)
    assert (len(given["note"]), len(given["analyst"])) == (2000, 128)


def test_refusals_that_are_no_faults_of_the_words(fleet, quiet):
    api, good = fleet.api, {"verdict": "false_positive"}
    check_problem(api.post(path_of(UNKNOWN), good), 404)
    check_problem(api.post(path_of("nonsense"), good), 422)
    check_problem(api.post(path_of(""), good), 404)
    check_problem(api.get(path_of(quiet["id"])), 405)
    check_problem(api.post(path_of(quiet["id"]), b"{}", headers={"Content-Type": "text/plain"}), 415)
    check_problem(api.post(path_of(quiet["id"]), b" " * 40000, headers={"Content-Type": "application/json"}), 413)
    check_problem(api.post(f"/api/threats/{quiet['id']}/verdicts", good), 404)


def test_a_threat_without_an_analysis_is_409():
    with Fleet(apis=1, workers=1) as fleet:
        worker = fleet.workers.pop()
        worker.terminate()
        id_ = fleet.api.post_signal(signal()).json()["id"]
        check_problem(fleet.api.post(path_of(id_), {"verdict": "false_positive"}), 409)
        check_problem(fleet.api.post(f"/api/threats/{id_}/explain"), 409)
        fleet.store.hset(f"threat:{id_}", "data", '{"id":"%s","status":"failed","signal":{}}' % id_)
        check_problem(fleet.api.post(path_of(id_), {"verdict": "false_positive"}), 409)
        assert fleet.store.hget(f"threat:{id_}", "verdict") is None


# --- many at once, and things that break


def test_many_analysts_at_once_count_once(fleet):
    threat = fresh(fleet.api)
    keys = history_keys(fleet.store, threat)
    words = ["false_positive", "true_positive", None]

    def one(number):
        session, dice = requests.Session(), random.Random(number)
        session.trust_env = False
        for _ in range(25):
            api = dice.choice(fleet.apis)
            answer = session.post(api.url + path_of(threat["id"]), json={"verdict": dice.choice(words)}, timeout=30)
            assert answer.status_code == 200, answer.text

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(one, range(12)))
    last = (fleet.api.get(f"/api/threats/{threat['id']}").json()["verdict"] or {"verdict": None})["verdict"]
    for key in keys:
        assert judged_in(fleet.store, key) == (1, last == "false_positive", last == "true_positive")
    told = [row["row"].split()[8] for row in log_rows(fleet.store, threat["id"]) if row["kind"] == "updated"]
    assert told[-1] == (last or "none")
    assert all(a != b for a, b in zip(["none", *told], told)), "every row is a change"


def test_an_api_killed_in_between_counts_nothing_twice():
    with Fleet(apis=2, workers=1) as fleet:
        threats = [completed(fleet.apis[0], customer_id="one", source_ip="45.99.1.1") for _ in range(12)]
        doomed, other = fleet.apis
        stop = threading.Event()

        def repeat(threat):
            session = requests.Session()
            session.trust_env = False
            while not stop.is_set():
                try:
                    for verdict in ("false_positive", "true_positive"):
                        session.post(doomed.url + path_of(threat["id"]), json={"verdict": verdict}, timeout=10)
                except requests.RequestException:
                    return

        threads = [threading.Thread(target=repeat, args=(threat,)) for threat in threats]
        for thread in threads:
            thread.start()
        wait_until(lambda: fleet.store.xlen("threats:log") > 200, 30, "verdicts flow")
        doomed.kill()
        stop.set()
        for thread in threads:
            thread.join()
        for number, threat in enumerate(threats):
            judge(other, threat["id"], "false_positive" if number % 3 else "true_positive")
        assert judged_in(fleet.store, "history:customer:one:bot_traffic") == (12, 8, 4)
        assert judged_in(fleet.store, "history:address:45.99.1.1") == (12, 8, 4)
        fleet.apis.remove(doomed)
        for threat in threats:
            judge(other, threat["id"], None)
        assert judged_in(fleet.store, "history:customer:one:bot_traffic") == (12, 0, 0)


def test_without_redis_a_verdict_is_503_and_later_it_is_taken():
    with Fleet(apis=1, workers=1) as fleet:
        threat = completed(fleet.api)
        fleet.redis.terminate()
        for path in (path_of(threat["id"]), f"/api/threats/{threat['id']}/explain", "/api/incidents"):
            body = check_problem(fleet.api.post(path, {"verdict": "false_positive"}), 503)
            assert body["type"] == "urn:soc:problem:unavailable"
        fleet.redis.start()
        fleet.api.wait_ready()
        wait_until(lambda: fleet.api.post(path_of(threat["id"]), {"verdict": "false_positive"}).status_code == 200, 20, "it is taken")
        assert judged_in(fleet.store, "history:customer:acme:bot_traffic") == (1, 1, 0)


def test_redis_that_lost_its_scripts_is_told_them_again(fleet):
    threat = fresh(fleet.api)
    fleet.store.script_flush()
    judge(fleet.api, threat["id"], "false_positive")
    assert judged_in(fleet.store, history_keys(fleet.store, threat)[0]) == (1, 1, 0)


def test_out_of_memory_refuses_and_writes_nothing():
    with Fleet(apis=1, workers=1) as fleet:
        threat = completed(fleet.api)
        before = fleet.store.get("history:customer:acme:bot_traffic")
        fleet.store.config_set("maxmemory-policy", "noeviction")
        fleet.store.config_set("maxmemory", 1)
        check_problem(fleet.api.post(path_of(threat["id"]), {"verdict": "false_positive"}), 503)
        fleet.store.config_set("maxmemory", 0)
        assert fleet.store.get("history:customer:acme:bot_traffic") == before
        judge(fleet.api, threat["id"], "false_positive")
