"""Entries that cannot be analysed: how they are buried, read over HTTP, replayed and forgotten."""

import json
import pathlib
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract import check, check_problem
from fleet import Fleet
from live_client import LiveClient
from processes import TIME_SCALE, wait_until
from sample_signals import signal
from steps import post, wait_told, when_completed

STREAM, GROUP, DEAD = "threats:stream", "soc-workers", "threats:dead"
GOOD = json.dumps(signal())
NOW = "1763696000123"


def entry(**changes):
    fields = {"v": "1", "id": str(uuid.uuid4()), "signal": GOOD, "received_at": NOW, **changes}
    return {name: value for name, value in fields.items() if value is not None}


def pages(api, limit):
    """Every letter by following the links."""
    found, path = [], f"/api/dead-letters?limit={limit}"
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        found += [check(row, "dead_letter.json") for row in answer.json()]
        assert len(answer.json()) <= limit
        path = answer.links.get("next", {}).get("url")
    return found


def fail(fleet, *ids, deliveries=5):
    """As if these threats' workers had died again and again; a worker that comes then buries them."""
    entries = [fleet.store.hget(f"threat:{id_}", "entry") for id_ in ids]
    try:
        fleet.store.xgroup_create(STREAM, GROUP, "0")
    except Exception as error:  # it is there already
        assert "BUSYGROUP" in str(error)
    fleet.store.xreadgroup(GROUP, "gone", {STREAM: ">"}, count=1000)
    fleet.store.xclaim(STREAM, GROUP, "gone", 0, entries, retrycount=deliveries)
    return entries


@pytest.fixture(scope="module")
def buried():
    """One failed threat, on a fleet without workers; and a function to make more."""
    with Fleet(apis=2, workers=0) as fleet:

        def make(count=1):
            ids = [post(fleet.api, customer_name="Poisonous") for _ in range(count)]
            fail(fleet, *ids)
            worker = fleet.add_worker().wait_ready()
            wait_until(fleet.redis.idle, 20, "the entries are buried")
            assert worker.terminate() == 0
            return ids

        yield fleet, make


UNREADABLE = [
    ({"id": None}, "missing_field", "id"),
    ({"v": None}, "missing_field", "v"),
    ({"signal": None}, "missing_field", "signal"),
    ({"received_at": None}, "missing_field", "received_at"),
    ({"v": "0"}, "bad_version", "v"),
    ({"v": "one"}, "bad_version", "v"),
    ({"v": "-2"}, "bad_version", "v"),
    ({"id": "nobody"}, "bad_id", "UUID"),
    ({"received_at": "yesterday"}, "bad_time", "received_at"),
    ({"received_at": "253402300800000"}, "bad_time", "received_at"),
    ({"signal": b'{"customer_name":"\xff"}'}, "bad_utf8", "signal"),
    ({"signal": '{"a":'}, "bad_json", "signal"),
    ({"signal": ""}, "bad_json", "signal"),
    ({"signal": "[]"}, "bad_signal", "object"),
    ({"signal": json.dumps(signal(source_ip="nowhere"))}, "bad_signal", "source_ip"),
    ({"signal": " " * 70000}, "too_large", "70000"),
]


def test_each_unreadable_entry_is_buried_with_what_is_wrong_and_takes_no_neighbour_along():
    with Fleet(apis=1, workers=1) as fleet:
        before = post(fleet.api)
        entries = [fleet.store.xadd(STREAM, entry(**changes)) for changes, _, _ in UNREADABLE]
        after = post(fleet.api)
        when_completed(fleet.api, before)
        when_completed(fleet.api, after)
        wait_until(lambda: fleet.store.xlen(DEAD) == len(UNREADABLE), 10, "all are letters")
        letters = {letter["entry"]: letter for letter in pages(fleet.api, 5)}
        for name, (_, reason, word) in zip(entries, UNREADABLE):
            letter = letters[name]
            assert (letter["reason"], letter["stage"], letter["deliveries"]) == (reason, "read", 1), letter
            assert word in letter["detail"]
        assert fleet.redis.idle()
        assert fleet.store.xlen(DEAD) == fleet.api.get("/api/backlog").json()["dead_letters"]


def test_letters_show_what_the_signal_was():
    with Fleet(apis=1, workers=1) as fleet:
        for text in ('{"a":1}', '{"a":', "x" * 5000, " " * 70000, None):
            fleet.store.xadd(STREAM, entry(signal=text))
        fleet.store.xadd(STREAM, entry(signal=b"\xff\xfe!"))
        wait_until(lambda: fleet.store.xlen(DEAD) == 6, 10, "all are letters")
        bytes_, nothing, long, cut, text, object_ = pages(fleet.api, 100)
        assert (object_["signal_format"], object_["signal"]) == ("json", {"a": 1})
        assert (text["signal_format"], text["signal"], text["signal_bytes"]) == ("text", '{"a":', 5)
        assert (cut["signal_format"], cut["signal"], cut["signal_bytes"]) == ("text", "x" * 4096, 5000)
        assert (long["signal_format"], long["signal"], long["signal_bytes"]) == ("none", None, 70000)
        assert (nothing["signal_format"], nothing["signal"], nothing["signal_bytes"]) == ("none", None, 0)
        assert (bytes_["signal_format"], bytes_["signal"], bytes_["signal_bytes"]) == ("text", "\ufffd\ufffd!", 3)


def test_an_unreadable_entry_of_a_known_threat_fails_it():
    with Fleet(apis=1, workers=0) as fleet, LiveClient(fleet.api) as client:
        client.wait_for("initial_batch")
        sound = post(fleet.api, customer_name="Spoilt")
        id_ = sound[:-4] + "beef"
        ((_, row),) = fleet.store.xrange("threats:log")
        spoilt = fleet.store.xadd(STREAM, entry(id=id_, signal="no JSON"))  # as a program of ours with a fault would
        fleet.store.hset(f"threat:{id_}", "entry", spoilt)
        fleet.store.xadd("threats:log", {**row, "id": id_})
        fleet.add_worker().wait_ready()
        wait_told(client, "threat_updated", id_)
        record = check(fleet.api.get(f"/api/threats/{id_}").json(), "pending.json")
        assert (record["status"], record["failure_reason"], record["failure_stage"]) == ("failed", "bad_json", "read")
        assert record["signal"] is None
        assert [row["id"] for row in fleet.api.get("/api/threats?status=failed&search=spoilt").json()] == [id_]
        (letter,) = pages(fleet.api, 10)
        assert letter["threat_id"] == id_
        check_problem(fleet.api.post(f"/api/dead-letters/{letter['id']}/replay"), 409)
        assert fleet.store.get("threats:failed") == "1"


def test_an_entry_that_names_anothers_threat_changes_nothing_of_it():
    with Fleet(apis=1, workers=1) as fleet:
        done = post(fleet.api)
        analysis = when_completed(fleet.api, done)
        fleet.store.xadd(STREAM, entry(id=done, signal="no JSON"))
        wait_until(lambda: fleet.store.xlen(DEAD) == 1, 10, "it is a letter")
        assert fleet.api.get(f"/api/threats/{done}").json() == analysis
        assert fleet.workers[0].terminate() == 0
        waiting = post(fleet.api)
        fleet.store.xadd(STREAM, entry(id=waiting, signal="no JSON"))
        fleet.add_worker().wait_ready()
        when_completed(fleet.api, waiting)
        wait_until(lambda: fleet.store.xlen(DEAD) == 2, 10, "it is a letter")
        assert fleet.api.get(f"/api/threats/{waiting}").json()["status"] == "completed"


def most_memory(program):
    """What it ever had, in bytes."""
    status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


@pytest.mark.parametrize("size", [900_000, 64_000_000])
def test_a_huge_entry_is_buried_and_its_bytes_go_nowhere(size):
    with Fleet(apis=1, workers=1) as fleet:
        (worker,) = fleet.workers
        when_completed(fleet.api, post(fleet.api))
        before = most_memory(worker), most_memory(fleet.api)
        fleet.store.xadd(STREAM, entry(signal="x" * size))
        ids = [post(fleet.api) for _ in range(20)]
        for id_ in ids:
            when_completed(fleet.api, id_)
        wait_until(lambda: fleet.store.xlen(DEAD) == 1, 20, "it is a letter")
        (letter,) = pages(fleet.api, 1)
        assert (letter["reason"], letter["signal"], letter["signal_bytes"]) == ("too_large", None, size)
        wait_until(lambda: fleet.store.xlen(STREAM) <= 1, 10, "the huge entry is trimmed")
        assert most_memory(worker) < before[0] + 8_000_000 * TIME_SCALE
        assert most_memory(fleet.api) < before[1] + 8_000_000 * TIME_SCALE
        assert fleet.redis.idle()
        assert fleet.store.memory_usage(DEAD) < 10_000


# --- replay


def test_a_replayed_threat_keeps_its_id_and_history(buried):
    fleet, make = buried
    api, other = fleet.apis
    with LiveClient(other) as client:
        client.wait_for("initial_batch")
        (id_,) = make()
        failed = check(api.get(f"/api/threats/{id_}").json(), "pending.json")
        assert (failed["status"], failed["failure_reason"]) == ("failed", "poison")
        (letter,) = [row for row in pages(api, 100) if row["threat_id"] == id_]
        assert letter["signal"] == failed["signal"]
        answer = api.post(f"/api/dead-letters/{letter['id']}/replay")
        assert (answer.status_code, check(answer.json(), "replay_result.json")["replayed"]) == (200, 1)
        pending = check(api.get(f"/api/threats/{id_}").json(), "pending.json")
        assert pending == {**{k: v for k, v in failed.items() if k not in ("completed_at", "failure_reason", "failure_stage")}, "status": "pending"}
        client.wait_for("threat_updated", where=lambda message: message["data"]["id"] == id_ and message["data"]["status"] == "pending")
        for program in fleet.apis:
            wait_until(lambda: program.get("/api/threats?status=pending").json() == [pending], 10, "the catalog knows it is pending")
        check_problem(api.post(f"/api/dead-letters/{letter['id']}/replay"), 404)
        worker = fleet.add_worker().wait_ready()
        analysis = check(when_completed(api, id_), "analysis.json")
        assert (analysis["created_at"], analysis["signal"]) == (failed["created_at"], failed["signal"])
        wait_told(client, "new_threat", id_)
        kinds = [fields["kind"] for _, fields in fleet.store.xrange("threats:log") if fields["id"] == id_]
        assert kinds == ["created", "failed", "updated", "completed"]
        assert worker.terminate() == 0


def test_of_many_replays_at_once_one_wins(buried):
    fleet, make = buried
    (id_,) = make()
    (letter,) = [row for row in pages(fleet.api, 100) if row["threat_id"] == id_]
    added = fleet.redis.entries_added()
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda i: fleet.apis[i % 2].post(f"/api/dead-letters/{letter['id']}/replay").status_code, range(16)))
    assert sorted(codes) == [200] + [404] * 15
    assert fleet.redis.entries_added() == added + 1


def test_a_threat_that_is_not_failed_any_more_is_left(buried):
    fleet, make = buried
    (id_,) = make()
    (letter,) = [row for row in pages(fleet.api, 100) if row["threat_id"] == id_]
    raw = fleet.store.xrange(DEAD, letter["id"], letter["id"])[0][1]
    again = fleet.store.xadd(DEAD, raw)
    assert fleet.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 200
    added = fleet.redis.entries_added()
    check_problem(fleet.api.post(f"/api/dead-letters/{again}/replay"), 409)
    assert fleet.redis.entries_added() == added
    assert fleet.api.http.delete(f"{fleet.api.url}/api/dead-letters/{again}").status_code == 204
    check_problem(fleet.api.http.delete(f"{fleet.api.url}/api/dead-letters/{again}"), 404)


def test_many_are_replayed_in_bounded_steps(buried):
    fleet, make = buried
    make(25)
    fleet.store.xadd(DEAD, {"reason": "bad_json", "stage": "read", "deliveries": "1", "entry": "1-1", "at": NOW, "signal": "{"})
    make(5)
    poison = [letter for letter in pages(fleet.api, 1000) if letter["reason"] == "poison"]
    added, replayed, skipped, calls, cursor = fleet.redis.entries_added(), 0, 0, 0, ""
    while cursor is not None:
        answer = fleet.api.post(f"/api/dead-letters/replay?limit=10&reason=poison{cursor and '&cursor=' + cursor}")
        assert answer.status_code == 200, answer.text
        step = check(answer.json(), "replay_result.json")
        assert step["replayed"] + step["skipped"] <= 10
        replayed, skipped, calls, cursor = replayed + step["replayed"], skipped + step["skipped"], calls + 1, step["next"]
    assert (replayed, skipped) == (len(poison), fleet.store.xlen(DEAD))
    assert calls >= 3 and fleet.redis.entries_added() == added + replayed
    assert all(letter["reason"] != "poison" for letter in pages(fleet.api, 1000))


BAD = ["nonsense", "1", "-", "1-", "1-x", "1-1-1", "99999999999999999999999-1", "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90"]


@pytest.mark.parametrize("id_", BAD)
def test_a_bad_letter_id_is_422(api, id_):
    check_problem(api.post(f"/api/dead-letters/{id_}/replay"), 422)
    check_problem(api.http.delete(f"{api.url}/api/dead-letters/{id_}"), 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=1-0&cursor=1-0", "what=1", "limit=%ff", "reason=poison"])
def test_bad_parameters_are_422(api, query):
    (fault,) = check_problem(api.get(f"/api/dead-letters?{query}"), 422)["errors"]
    assert fault["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("query", ["limit=501", "reason=boredom", "cursor=-"])
def test_bad_parameters_of_a_replay_are_422(api, query):
    check_problem(api.post(f"/api/dead-letters/replay?{query}"), 422)


def test_an_unknown_letter_is_404(api):
    check_problem(api.post("/api/dead-letters/1-1/replay"), 404)
    check_problem(api.http.delete(f"{api.url}/api/dead-letters/1-1"), 404)
    assert api.get("/api/dead-letters").json() == []


def test_nothing_is_replayed_while_nothing_is_taken():
    with Fleet(apis=1, workers=0, SOC_OUTSTANDING_LIMIT=3) as fleet:
        (id_, *_) = [post(fleet.api) for _ in range(2)]
        fail(fleet, id_)
        worker = fleet.add_worker().wait_ready()
        wait_until(fleet.redis.idle, 20, "one is buried")
        assert worker.terminate() == 0
        (letter,) = pages(fleet.api, 10)
        added = fleet.redis.entries_added()
        accepted = lambda: fleet.api.post_signal(signal()).status_code == 202  # noqa: E731
        for _ in range(3):
            wait_until(accepted, 10 * TIME_SCALE, "there is room")
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 503, 10 * TIME_SCALE, "the backlog is full")
        for path in (f"/api/dead-letters/{letter['id']}/replay", "/api/dead-letters/replay"):
            answer = fleet.api.post(path)
            check_problem(answer, 503)
            assert answer.headers["Retry-After"]
        assert fleet.store.xlen(DEAD) == 1 and fleet.redis.entries_added() == added + 3
        fleet.add_worker().wait_ready()
        wait_until(lambda: fleet.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 200, 20, "room again")
        when_completed(fleet.api, id_)


def test_a_full_redis_refuses_a_replay_and_keeps_the_letter():
    with Fleet(apis=1, workers=0) as fleet:
        id_ = post(fleet.api)
        fail(fleet, id_)
        worker = fleet.add_worker().wait_ready()
        wait_until(fleet.redis.idle, 20, "it is buried")
        assert worker.terminate() == 0
        (letter,) = pages(fleet.api, 10)
        fleet.store.config_set("maxmemory", 1)
        answer = fleet.api.post(f"/api/dead-letters/{letter['id']}/replay")
        check_problem(answer, 503)
        assert answer.headers["Retry-After"]
        fleet.store.config_set("maxmemory", 0)
        assert pages(fleet.api, 10) == [letter]
        assert fleet.api.get(f"/api/threats/{id_}").json()["status"] == "failed"
        wait_until(lambda: fleet.api.post(f"/api/dead-letters/{letter['id']}/replay").status_code == 200, 10 * TIME_SCALE, "it is taken again")


# --- versions, deleted entries, a full stream of letters


def test_entries_of_a_newer_version_wait_without_a_loop():
    with Fleet(apis=1, workers=2) as fleet:
        newer = [fleet.store.xadd(STREAM, {"v": "2", "id": str(uuid.uuid4()), "shape": "unknown"}) for _ in range(20)]
        wait_until(lambda: pending_of(fleet, "__version_2") == 20, 10, "they wait for newer workers")
        fleet.store.config_resetstat()
        id_ = post(fleet.api)
        when_completed(fleet.api, id_)
        looks = fleet.workers[0].metric("soc_newer_entries_total") + fleet.workers[1].metric("soc_newer_entries_total")
        assert looks == 20, "each was read once"
        calls = fleet.store.info("commandstats")
        assert calls.get("cmdstat_xclaim", {"calls": 0})["calls"] == 0
        assert fleet.store.xlen(DEAD) == 0
        rows = fleet.store.xpending_range(STREAM, GROUP, "-", "+", 100)
        assert [row["message_id"] for row in rows] == newer
        assert {row["times_delivered"] for row in rows} == {0}


def test_a_worker_takes_what_waits_for_its_version():
    with Fleet(apis=1, workers=0) as fleet:
        ids = [post(fleet.api) for _ in range(5)]
        fleet.store.xgroup_create(STREAM, GROUP, "0")
        fleet.store.xreadgroup(GROUP, "older", {STREAM: ">"}, count=5)
        entries = [fleet.store.hget(f"threat:{id_}", "entry") for id_ in ids]
        fleet.store.xclaim(STREAM, GROUP, "__version_1", 0, entries, retrycount=0)
        fleet.store.xgroup_delconsumer(STREAM, GROUP, "older")
        fleet.add_worker().wait_ready()
        fleet.wait_completed(5, 5 * TIME_SCALE)


def pending_of(fleet, consumer):
    return sum(row["pending"] for row in fleet.store.xinfo_consumers(STREAM, GROUP) if row["name"] == consumer)


def test_deleted_entries_are_let_go_and_counted():
    with Fleet(apis=1, workers=0) as fleet:
        ids = [post(fleet.api) for _ in range(10)]
        fleet.store.xgroup_create(STREAM, GROUP, "0")
        fleet.store.xreadgroup(GROUP, "gone", {STREAM: ">"}, count=10)
        entries = [fleet.store.hget(f"threat:{id_}", "entry") for id_ in ids]
        fleet.store.xclaim(STREAM, GROUP, "gone", 0, entries[4:6], retrycount=2)
        fleet.store.xclaim(STREAM, GROUP, "gone", 0, entries[6:8], retrycount=7)
        fleet.store.xdel(STREAM, *entries[:8])
        worker = fleet.add_worker().wait_ready()
        wait_until(lambda: fleet.redis.group()["pending"] == 0, 10 * TIME_SCALE, "nothing is pending")
        fleet.wait_completed(2)
        assert worker.metric("soc_trimmed_undelivered_total") == 8
        assert fleet.store.xlen(DEAD) == 0
        assert any(line["message"].startswith("entries were deleted") for line in worker.logged())


def test_the_oldest_letters_fall_out_and_are_counted():
    with Fleet(apis=1, workers=0) as fleet:
        pipeline = fleet.store.pipeline(transaction=False)
        for _ in range(100_000):
            pipeline.xadd(DEAD, {"reason": "bad_json"})
        pipeline.execute()
        for _ in range(300):
            fleet.store.xadd(STREAM, {"v": "0"})
        worker = fleet.add_worker().wait_ready()
        wait_until(fleet.redis.idle, 20, "all are buried")
        left = fleet.store.xlen(DEAD)
        assert 100_000 <= left < 100_300
        wait_until(lambda: worker.metric("soc_dead_letters_dropped_total") == 100_300 - left, 5, "what fell out is counted")
        assert worker.metric("soc_dead_letters_total") == 300
