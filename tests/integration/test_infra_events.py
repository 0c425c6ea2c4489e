"""Infra events over HTTP."""

import datetime
import json

import pytest

from contract import check, check_problem
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from steps import completed

WITHIN_S = 1.5 * TIME_SCALE


@pytest.fixture(scope="module")
def own():
    with Fleet(apis=1, workers=2) as running:
        yield running


def iso(minutes):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(**changes):
    fields = {"kind": "deployment", "title": "Checkout 4.2", "starts_at": "2026-11-01T10:00:00Z", **changes}
    return {name: value for name, value in fields.items() if value is not ...}


def delete(api, id_):
    return api.http.delete(f"{api.url}/api/infra-events/{id_}", timeout=20)


def test_an_event_is_stored_shown_and_removed(own):
    answer = own.api.post("/api/infra-events", event(id="one", customer_id="shop-1", ends_at="2026-11-01T12:30:00+02:00"))
    assert answer.status_code == 201, answer.text
    stored = check(answer.json(), "infra_event.json")
    assert stored == {
        "id": "one",
        "kind": "deployment",
        "title": "Checkout 4.2",
        "starts_at": "2026-11-01T10:00:00.000Z",
        "ends_at": "2026-11-01T10:30:00.000Z",
        "customer_id": "shop-1",
    }
    assert own.api.get("/api/infra-events?customer_id=shop-1").json() == [stored]
    assert json.loads(own.store.hget("infra:events", "one")) == {name: stored[name] for name in stored if name != "id"}
    assert own.store.xrevrange("context:log", count=1)[0][1]["kind"] == "infra"
    assert own.api.post("/api/infra-events", event(id="one")).status_code == 200
    assert delete(own.api, "one").status_code == 204
    check_problem(delete(own.api, "one"), 404)
    assert not own.store.hexists("infra:events", "one")


def test_an_event_without_id_gets_one(own):
    answer = own.api.post("/api/infra-events", event())
    made = check(answer.json(), "infra_event.json")
    assert made["id"][14] == "7" and made["ends_at"] == made["starts_at"]
    assert delete(own.api, made["id"]).status_code == 204


def test_many_at_once_are_filtered_newest_first(own):
    day = "2026-10-{:02}T00:00:00Z"
    events = [event(id=f"day-{i}", title=f"Day {i}", customer_id="many", starts_at=day.format(i), ends_at=day.format(i + 1)) for i in range(1, 11)]
    answer = own.api.post("/api/infra-events", events)
    assert answer.status_code == 201 and len(answer.json()) == 10

    def ids(query):
        return [row["id"] for row in own.api.get(f"/api/infra-events?customer_id=many{query}").json()]

    assert ids("") == [f"day-{i}" for i in range(10, 0, -1)]
    assert ids("&since=2026-10-09T12:00:00Z") == ["day-10", "day-9"]
    assert ids("&until=2026-10-02T00:00:00Z") == ["day-1"]
    assert ids("&since=2026-10-05T02:00:00%2B02:00&until=2026-10-06T00:00:00Z") == ["day-5", "day-4"]
    assert own.api.get("/api/infra-events?customer_id=nobody").json() == []


BAD = [
    (event(kind="party"), "/kind"),
    (event(kind=...), "/kind"),
    (event(title=""), "/title"),
    (event(title="x" * 201), "/title"),
    (event(title="a\tb"), "/title"),
    (event(title=7), "/title"),
    (event(starts_at=...), "/starts_at"),
    (event(starts_at="yesterday"), "/starts_at"),
    (event(starts_at=1700000000), "/starts_at"),
    (event(ends_at="2026-11-01 10:00"), "/ends_at"),
    (event(ends_at="2026-11-01T09:59:59Z"), "/ends_at"),
    (event(customer_id="a b"), "/customer_id"),
    (event(customer_id="x" * 65), "/customer_id"),
    (event(id="a/b"), "/id"),
    (event(id="x" * 129), "/id"),
    (event(colour="blue"), "/colour"),
    ("text", ""),
    ([], ""),
    ([event(), 7], "/1"),
    ([event(), event(), event(kind="party")], "/2/kind"),
    ([event(id="twice"), event(id="twice")], "/1/id"),
]


@pytest.mark.parametrize("body, pointer", BAD)
def test_a_bad_event_is_refused_where_it_is_bad(own, body, pointer):
    before = own.store.hlen("infra:events")
    problem = check_problem(own.api.post("/api/infra-events", body), 422)
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert own.store.hlen("infra:events") == before, "one bad event lets none in"


def test_numbers_and_sizes_are_bounded(own):
    check_problem(own.api.post("/api/infra-events", [event()] * 1001), 413)
    headers = {"Content-Type": "application/json"}
    assert "1048576" in check_problem(own.api.post("/api/infra-events", b" " * (1024 * 1024 + 1), headers=headers), 413)["detail"]
    check_problem(own.api.post("/api/infra-events", b"{}", headers={"Content-Type": "text/csv"}), 415)
    check_problem(own.api.post("/api/infra-events", b'{"kind":"out', headers=headers), 422)


@pytest.mark.parametrize("query", ["since=now", "until=2026", "customer_id=a%20b", "kind=outage", "since=%ff"])
def test_a_bad_query_is_refused(own, query):
    problem = check_problem(own.api.get(f"/api/infra-events?{query}"), 422)
    assert problem["errors"][0]["parameter"] == query.split("=")[0]


def test_a_bad_id_is_refused(own):
    check_problem(delete(own.api, "a%20b"), 422)


def test_broken_events_of_others_are_left_out(own):
    own.store.hset("infra:events", mapping={"by hand": json.dumps(event(customer_id="by-hand")), "broken": "{not json"})
    assert [row["id"] for row in own.api.get("/api/infra-events?customer_id=by-hand").json()] == ["by hand"]
    own.store.hdel("infra:events", "by hand", "broken")


def test_workers_hear_of_an_event_within_a_second(own):
    fields = {"customer_id": "shipping"}

    def told(row):
        return [found["id"] for found in row["facts"].get("infra", [])]

    assert told(completed(own.api, **fields)) == []
    answer = own.api.post("/api/infra-events", event(id="load-7", kind="load_test", customer_id="shipping", starts_at=iso(-10), ends_at=iso(30)))
    assert answer.status_code == 201
    wait_until(lambda: told(completed(own.api, **fields)) == ["load-7"], WITHIN_S, "the event is used")
    delete(own.api, "load-7")
    wait_until(lambda: told(completed(own.api, **fields)) == [], WITHIN_S, "the event is forgotten")


def test_redis_away_is_503():
    with Fleet(apis=1, workers=0) as fleet:
        fleet.redis.kill()
        wait_until(lambda: fleet.api.status("/ready") == 503, 20, "the API has noticed")
        for answer in (fleet.api.get("/api/infra-events"), fleet.api.post("/api/infra-events", event()), delete(fleet.api, "a")):
            check_problem(answer, 503)
