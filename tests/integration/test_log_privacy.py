"""No user agent, raw data, key or password in any line of the log, at its most talkative; and nobody else's in answers."""

import json
import re
import urllib.parse
import uuid

import pytest

from contract import check_problem
from fleet import Fleet
from intel_steps import post_list
from live_client import LiveClient
from processes import wait_until
from raw_http import exchange, post
from sample_signals import signal
from steps import completed

MARK = "zq7privy"
COMMON = {"timestamp", "level", "message", "component", "left_out", "truncated", "trace_id", "span_id"}
AGENT = f"Mozilla/5.0 {MARK}-agent"
RAW = {"note": f"{MARK}-raw", f"{MARK}-name": {"deep": [f"{MARK}-leaf"]}}
SECRETS = {"Authorization": f"Bearer {MARK}-token", "X-API-Key": f"{MARK}-api-key", "Cookie": f"session={MARK}-cookie"}


def marked(**changes):
    return signal(**{"user_agent": AGENT, "raw_data": RAW, **changes})


def spoken(fleet):
    """Every line of both streams of every program."""
    paths = [path for program in fleet.programs for path in fleet.folder.glob(f"{program.name}.*.*")]
    return [line for path in paths if path.suffix in (".out", ".err") for line in path.read_text(errors="replace").splitlines()]


def told(fleet, program):
    """The rows of all its starts."""
    paths = sorted(fleet.folder.glob(f"{program.name}.*.out"))
    return [json.loads(line) for path in paths for line in path.read_text(errors="replace").splitlines()]


# --- what is done to the fleet


def good_signals(fleet):
    api = fleet.api
    kept = completed(api, user_agent=AGENT, raw_data=RAW)["id"]
    for _ in range(2):
        assert api.post("/api/threats", marked(), headers={"Idempotency-Key": f"{MARK}-idem", **SECRETS}).status_code == 202
    assert api.post("/api/threats/batch", [marked(), marked(source_ip=MARK)], headers=SECRETS).status_code == 202
    assert api.post("/api/threats/trigger", {"threat_type": "brute_force", "user_agent": AGENT, "raw_data": RAW}).status_code == 200
    words = {"verdict": "false_positive", "note": f"{MARK}-note", "analyst": "ada"}
    assert api.post(f"/api/threats/{kept}/verdict", words).status_code == 200
    assert api.post(f"/api/threats/{kept}/explain").status_code == 200
    incident = {"id": f"{MARK}-inc", "customer_id": "acme", "threat_type": "brute_force", "source_ip": "45.83.9.9", "user_agent": AGENT}
    incident |= {"verdict": "true_positive", "occurred_at": "2026-08-03T07:12:00Z", "note": f"{MARK}-note"}
    assert api.post("/api/incidents", [incident, {**incident, "source_ip": "45.83.9.8"}, {MARK: 1}]).json()["rejected"] == 2


def bad_signals(fleet):
    api = fleet.api
    deep = {MARK: MARK}
    for _ in range(20):
        deep = {MARK: deep}
    rows = [marked(source_ip=MARK), marked(**{f"{MARK}-field": 1}), marked(user_agent=MARK * 200), marked(raw_data=deep), marked(customer_name="")]
    for row in rows + [marked(raw_data={"big": MARK * 3000}), marked(request_count=MARK), marked(threat_type=MARK), marked(detected_at=MARK)]:
        assert api.post("/api/threats", row, headers=SECRETS).status_code == 422
    as_json = {"Content-Type": "application/json"}
    for body in (b'{"user_agent": "' + MARK.encode(), b'{"user_agent": "\xff' + MARK.encode() + b'"}', MARK.encode() * 10, b"\x00" + MARK.encode()):
        assert api.post("/api/threats", body, headers=as_json).status_code == 422
        assert api.post("/api/threats/batch", body, headers={"Content-Type": "application/x-ndjson"}).status_code == 422
    assert api.post("/api/threats", b" " * 70000 + MARK.encode(), headers=as_json).status_code == 413
    assert api.post("/api/threats", b"{}", headers={"Content-Type": f"text/{MARK}"}).status_code == 415
    assert api.post("/api/threats", marked(), headers={"Idempotency-Key": f"{MARK} with blanks"}).status_code == 400
    assert api.post("/api/threats", marked(), headers={"Idempotency-Key": MARK * 64}).status_code == 400
    assert api.post("/api/threats", marked(), headers={"Prefer": f"wait={MARK}"}).status_code in (202, 400)


def bad_requests(fleet):
    api = fleet.api
    for path in (f"/{MARK}", f"/api/threats/{MARK}", f"/schemas/{MARK}.json", f"/api/{MARK}/threats?token={MARK}", f"/api/customers/{MARK}~"):
        assert api.get(path, headers=SECRETS).status_code in (404, 422)
    for query in ("limit", "cursor", "severity", "since", "customer_id", "requires_review", MARK):
        assert api.get(f"/api/threats?{urllib.parse.urlencode({query: MARK + '|'})}").status_code == 422
    assert api.get(f"/api/threats?search={MARK}").status_code == 200
    assert api.get(f"/api/intel/lookup?ip={MARK}").status_code == 422
    assert api.post(f"/api/dead-letters/{MARK}/replay").status_code == 422
    assert api.post(f"/health?{MARK}").status_code == 405
    assert api.get("/ws", headers={"Origin": f"http://{MARK}"}).status_code in (403, 426)
    assert exchange(api, f"GET /{MARK}\r\n{MARK}: {MARK}\r\n\r\n".encode()).status_code == 400
    assert exchange(api, post("/api/threats", b"{}", f"Transfer-Encoding: {MARK}", "Connection: close")).status_code >= 400
    with LiveClient(api, user_agent_header=AGENT, extra_headers=SECRETS) as client:
        client.wait_for("initial_batch")
        for message in ({"type": MARK}, {"type": "subscribe", "search": MARK}, {"type": "resume", "last_id": MARK}, {MARK: MARK}):
            client.send(message)
        client.wait_for("error", 3)


def context(fleet):
    api = fleet.api
    put = lambda record: api.http.put(f"{api.url}/api/customers/privy", json=record, timeout=20).status_code
    sound = {"name": "Privy", "allowlist_user_agents": [AGENT], "contacts": {"soc-tier-1": [f"{MARK}@acme.example"]}}
    assert put(sound) in (200, 201), "a sound record is taken"
    assert put({**sound, "allowlist_user_agents": [MARK * 200]}) == 422
    assert put({MARK: MARK}) == 422
    assert api.post("/api/infra-events", {"kind": MARK, "title": MARK, "starts_at": MARK}).status_code == 422
    assert post_list(api, f"45.1.2.3\n{MARK}\n1.2.3.4/99 # {MARK}\n", list="privy", category="blocklist").status_code == 422
    assert post_list(api, f'{{"type":"bundle","objects":[{{"type":"indicator","pattern":"{MARK}"}}]}}', "application/stix+json;version=2.1", list="privy").status_code == 422
    broken = {"tier": "golden", "allowlist_user_agents": f"good*\nb\x01{MARK}\n{MARK * 200}", "contacts:soc-tier-1": f"a@b {MARK * 20}"}
    fleet.store.hset("customer:mistaken", mapping=broken)
    fleet.store.hset("infra:events", "mistaken", f'{{"kind": "outage", "title": "{MARK}"')
    fleet.store.xadd("context:log", {"kind": "all", "id": ""})
    (worker,) = fleet.workers
    complaints = lambda: {(row["name"], row["reason"]) for row in worker.logged() if row["message"] == "context record is not usable" and "name" in row}
    reasons = {"allowlist_user_agents: entry 2: not a text of 1 to 1024 bytes", "contacts:soc-tier-1: entry 2: not a text of 1 to 128 bytes"}
    wait_until(lambda: {("mistaken", reason) for reason in reasons} <= complaints(), 10, "the complaints are logged")


def entries_of_others(fleet):
    sound = {"v": "1", "id": str(uuid.uuid4()), "signal": json.dumps(marked()), "received_at": "1763696000123", "traceparent": MARK}
    rows = [{"v": MARK}, {"id": MARK}, {"received_at": MARK}, {"signal": f'{{"{MARK}": "{MARK}"'}, {"signal": json.dumps({**marked(), MARK: 1})}]
    rows += [{"signal": b'{"user_agent":"' + MARK.encode() + b'\xff"}'}, {"signal": MARK * 10000}, {"signal": json.dumps(marked(source_ip=MARK))}, {MARK: MARK}]
    before = fleet.store.xlen("threats:dead")
    for row in rows:
        fleet.store.xadd("threats:stream", {**sound, "id": str(uuid.uuid4()), **row})
    wait_until(lambda: fleet.store.xlen("threats:dead") == before + len(rows) - 1, 20, "the unreadable ones are letters")
    fleet.wait_idle()


def the_worst(fleet):
    """An entry that is taken for poisonous, keys of a wrong type, a record that cannot be read, Redis gone."""
    api, (worker,) = fleet.api, fleet.workers
    assert worker.terminate() == 0
    id_ = api.post_signal(marked(), Idempotency_Key=f"{MARK}-poison").json()["id"]
    entry = fleet.store.hget(f"threat:{id_}", "entry")
    fleet.store.xgroup_create("threats:stream", "soc-workers", "0") if not fleet.store.xinfo_groups("threats:stream") else None
    fleet.store.xreadgroup("soc-workers", "gone", {"threats:stream": ">"}, count=1000)
    fleet.store.xclaim("threats:stream", "soc-workers", "gone", 0, [entry], retrycount=5)
    worker.start().wait_ready()
    wait_until(fleet.redis.idle, 20, "it is buried")
    for letter in api.get("/api/dead-letters?limit=100").json():
        assert api.post(f"/api/dead-letters/{letter['id']}/replay").status_code in (200, 409)
    fleet.wait_idle()
    for key in fleet.store.keys("history:*"):
        fleet.store.delete(key)
        fleet.store.rpush(key, MARK)
    api.post_signal(marked(), Prefer="wait=2")
    for key in fleet.store.keys("history:*"):
        fleet.store.delete(key) if fleet.store.type(key) == "list" else None
    fleet.redis.kill()
    for _ in range(20):
        assert api.post_signal(marked(), Idempotency_Key=f"{MARK}-gone").status_code == 503
    fleet.redis.start()
    for program in fleet.programs:
        program.wait_ready()


DEEDS = [good_signals, bad_signals, bad_requests, context, entries_of_others, the_worst]


@pytest.fixture(scope="module")
def after_all():
    with Fleet(apis=1, workers=1, LOG_LEVEL="debug") as fleet:
        for deed in DEEDS:
            deed(fleet)
        yield fleet


def test_no_line_holds_what_was_marked(after_all):
    lines = spoken(after_all)
    assert len(lines) > 40
    assert [line for line in lines if MARK in line.lower()] == []


def test_the_log_has_told_of_all_of_it(after_all):
    """The marks were near: these are the lines that might have held them."""
    messages = {row["message"] for program in after_all.programs for row in told(after_all, program)}
    assert messages >= {
        "threat analysed",
        "request refused",
        "request failed",
        "entry moved to the dead letters",
        "entries that killed their workers moved to the dead letters",
        "dead letters are on the stream again",
        "context record is not usable",
        "redis is down",
    }


def test_every_line_is_an_event_of_the_table_with_its_fields(after_all):
    import test_readme

    for program in after_all.programs:
        table = test_readme.log_events_of(program.binary.name)
        for row in told(after_all, program):
            level, fields, _, _ = table[row["message"]]
            assert row["level"] == level and row["component"] == program.binary.name
            assert set(row) - COMMON <= set(fields.split()), row


def test_lines_about_a_threat_name_it(after_all):
    rows = [row for row in told(after_all, after_all.workers[0]) if row["message"] in ("threat analysed", "entry moved to the dead letters")]
    assert len([row for row in rows if row["message"] == "threat analysed" and uuid.UUID(row["threat_id"]) and row["customer_name"] == "Acme Shop"]) > 3
    assert [row for row in rows if row["message"].startswith("entry moved") and row.get("threat_id") and row["reason"] == "bad_signal"]


def test_answers_to_others_do_not_hold_it_either(after_all):
    """Problems of whoever has sent nothing of it: about stored threats, letters, records that are there already."""
    api, store = after_all.api, after_all.store
    id_ = api.get("/api/threats?limit=1").json()[0]["id"]
    letters = [letter["id"] for letter in api.get("/api/dead-letters?limit=100").json()]
    answers = [api.post(f"/api/dead-letters/{letter}/replay") for letter in letters]
    answers.append(api.post(f"/api/threats/{id_}/verdict", {"verdict": "maybe"}))
    answers.append(api.post("/api/incidents", [{"id": f"{MARK}-inc", "customer_id": "other", "threat_type": "geo_anomaly", "verdict": "true_positive", "occurred_at": "2026-08-03T07:12:00Z"}]))
    body = json.loads(store.hget(f"threat:{id_}", "data"))
    store.hset(f"threat:{id_}", "data", json.dumps({**body, "facts": MARK, "signal": {**body["signal"], "user_agent": [MARK]}}))
    answers += [api.post(f"/api/threats/{id_}/explain"), api.post(f"/api/threats/{id_}/verdict", {"verdict": "true_positive"})]
    store.hset(f"threat:{id_}", "data", f'{{"broken": "{MARK}')
    answers += [api.post(f"/api/threats/{id_}/explain"), api.post(f"/api/threats/{id_}/verdict", {"verdict": "false_positive"})]
    failed = [answer for answer in answers if answer.status_code >= 400]
    assert len(failed) >= 3
    for answer in failed:
        check_problem(answer, answer.status_code)
        assert MARK not in answer.text, answer.text
    assert not [line for line in spoken(after_all) if MARK in line]


def test_a_password_is_in_no_line_even_where_redis_repeats_it():
    """A server that does not know AUTH answers with the command's arguments."""
    with Fleet(apis=1, workers=1, redis_options=("--rename-command", "AUTH", ""), redis_up=False, over_tcp=True, LOG_LEVEL="debug") as fleet:
        fleet.redis.start()
        url = fleet.redis.tcp_url.replace("redis://", f"redis://{MARK}-user:{MARK}-password@")
        program = fleet.add_api(REDIS_URL=url).wait_answering()
        worker = fleet.add_worker(REDIS_URL=url).wait_answering()
        for one in (program, worker):
            wait_until(lambda: any(row["message"] == "redis is down" for row in one.logged()), 20, "it is refused")
            reasons = {row["reason"] for row in one.logged() if row["message"] == "redis is down" and "reason" in row}
            assert any("unknown command" in reason for reason in reasons), reasons
        assert not [line for line in spoken(fleet) if f"{MARK}-password" in line]


def test_a_signal_is_in_no_line_even_where_redis_repeats_it():
    """A Redis whose EVALSHA was taken away answers with the signal that was its argument."""
    with Fleet(apis=1, workers=0, redis_options=("--rename-command", "EVALSHA", ""), redis_up=False, LOG_LEVEL="debug") as fleet:
        fleet.redis.start()
        wait_until(lambda: fleet.api.get("/ready").json()["components"]["redis"] == "up", 20, "Redis is up")
        fleet.api.post_signal(marked(customer_id=MARK), Idempotency_Key=MARK)
        wait_until(lambda: any("unknown command" in row.get("reply", "") for row in fleet.api.logged()), 20, "the reply is told")
        assert not [line for line in spoken(fleet) if MARK in line or re.search(r"with args", line)]
