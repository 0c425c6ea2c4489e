"""/ws: what clients are told, and how they are talked with."""

import pytest

from contract import check
from fleet import Fleet
from live_client import LiveClient
from processes import wait_until
from sample_signals import fresh_customer, signal, varied
from steps import post, told_ids, wait_told

# --- what a client is told


def test_the_first_message_is_the_newest_twenty(api):
    ids = [api.post_signal(signal(), Prefer="wait=20").json()["id"] for _ in range(22)]
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        batch = client.messages()[0]
        assert batch["type"] == "initial_batch"
        assert [row["id"] for row in batch["data"]] == ids[:1:-1]
        assert batch["data"] == api.get("/api/threats?limit=20").json()
        assert batch["last_id"]


def test_the_first_message_of_an_empty_fleet():
    with Fleet(apis=1, workers=0) as fleet, LiveClient(fleet.api) as client:
        (batch,) = client.wait_for("initial_batch")
        assert check(batch, "events.json#/$defs/initial_batch")["data"] == []
        id_ = post(fleet.api)
        wait_told(client, "threat_created", id_)


def test_a_threat_is_told_when_it_comes_and_when_it_is_analysed(fleet):
    with LiveClient(fleet.apis[0]) as near, LiveClient(fleet.apis[1]) as far:
        customer = fresh_customer()
        id_ = post(fleet.apis[0], customer_id=customer)
        for client in (near, far):
            created = wait_told(client, "threat_created", id_)
            analysed = wait_told(client, "new_threat", id_)
            assert client.messages().index(created) < client.messages().index(analysed)
            assert created["data"]["customer_id"] == customer
            assert analysed["data"] == fleet.api.get(f"/api/threats/{id_}").json()


def test_a_threat_that_killed_its_workers_fails_and_is_told():
    with Fleet(apis=2, workers=0) as fleet, LiveClient(fleet.apis[1]) as client:
        client.wait_for("initial_batch")
        id_ = post(fleet.api, customer_name="Poisonous")
        entry = fleet.store.hget(f"threat:{id_}", "entry")
        fleet.store.xgroup_create("threats:stream", "soc-workers", "0")
        fleet.store.xreadgroup("soc-workers", "gone", {"threats:stream": ">"}, count=10)
        fleet.store.xclaim("threats:stream", "soc-workers", "gone", 0, [entry], retrycount=5)
        fleet.add_worker().wait_ready()
        update = wait_told(client, "threat_updated", id_)
        assert check(update, "events.json#/$defs/threat_updated")["data"]["status"] == "failed"
        for api in fleet.apis:
            record = check(api.get(f"/api/threats/{id_}").json(), "pending.json")
            assert (record["status"], record["signal"]["customer_name"]) == ("failed", "Poisonous")
            assert api.get("/api/threats?status=failed").json() == [record]
            assert api.get("/api/stats").json()["by_status"]["failed"] == 1
            assert check(api.get("/api/backlog").json(), "backlog.json")["dead_letters"] == 1
        ((_, letter),) = fleet.store.xrange("threats:dead")
        assert (letter["id"], letter["entry"]) == (id_, entry)
        assert (letter["deliveries"], letter["reason"], letter["stage"]) == ("5", "poison", "analyze")
        assert fleet.redis.idle()


def test_an_entry_that_is_no_signal_is_buried_and_takes_no_neighbour_along():
    with Fleet(apis=1, workers=1) as fleet, LiveClient(fleet.api) as client:
        before = post(fleet.api)
        strange = [{"nothing": "of ours"}, {"v": "1", "id": "x", "signal": "{}", "received_at": "1"}, {"v": "0"}]
        for fields in strange:
            fleet.store.xadd("threats:stream", fields)
        after = post(fleet.api)
        for id_ in (before, after):
            wait_told(client, "new_threat", id_)
        wait_until(lambda: fleet.store.xlen("threats:dead") == len(strange), 10, "the strange entries are dead letters")
        fleet.wait_idle()


# --- talking


def test_ping_is_answered_with_pong(api):
    with LiveClient(api) as client:
        for _ in range(3):
            client.send({"type": "ping"})
        client.wait_for("pong", 3)


def test_a_protocol_ping_is_answered(api):
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        client.ping()


def test_a_message_in_fragments_is_one_message(api):
    with LiveClient(api) as client:
        client.send_fragments(['{"type"', ":", '"pi', 'ng"}'])
        client.wait_for("pong")


BROKEN = [
    *("", " ", "ping", "{", "[]", "null", "17", '"ping"', '{"type":"ping"', '{"type":"ping"}}', '{"type":"ping"} x'),
    *('{"type":7}', '{"type":null}', '{"type":"nonsense"}', "{}", '{"kind":"ping"}', '{"type":["ping"]}', '{"type":"PING"}'),
    *('{"type":"subscribe","severity":"high"}', '{"type":"subscribe","severity":["extreme"]}'),
    *('{"type":"subscribe","severity":[7]}', '{"type":"subscribe","requires_review":"yes"}'),
    *('{"type":"subscribe","colour":["red"]}', '{"type":"subscribe","customer_id":""}', '{"type":"subscribe","search":7}'),
    *('{"type":"resume"}', '{"type":"resume","last_id":7}', '{"type":"resume","last_id":"yesterday"}', '{"type":"resume","last_id":""}'),
    "[" * 5000,
    '{"a":' * 2000,
]


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:50])
def test_an_unknown_or_broken_message_is_an_error_and_nothing_more(api, text):
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        client.send(text)
        (error,) = client.wait_for("error")
        check(error, "events.json#/$defs/error")
        client.send({"type": "ping"})
        client.wait_for("pong")


def test_a_bad_subscribe_leaves_the_filter_as_it_was(api):
    customer = fresh_customer()
    with LiveClient(api) as client:
        client.send({"type": "subscribe", "customer_id": customer})
        client.wait_for("subscribed")
        client.send({"type": "subscribe", "severity": ["extreme"]})
        client.wait_for("error")
        other, own = post(api), post(api, customer_id=customer)
        wait_told(client, "new_threat", own)
        assert other not in told_ids(client)


# --- filters


def judged(analysis, wanted):
    row = analysis["signal"]
    text = " ".join([row["customer_id"], row["customer_name"], row["threat_type"], row["source_ip"]]).lower()
    return (
        analysis["severity"] in wanted.get("severity", [analysis["severity"]])
        and row["threat_type"] in wanted.get("threat_type", [row["threat_type"]])
        and analysis["status"] in wanted.get("status", [analysis["status"]])
        and row["customer_id"] == wanted.get("customer_id", row["customer_id"])
        and analysis["requires_human_review"] == wanted.get("requires_review", analysis["requires_human_review"])
        and wanted.get("search", "").lower() in text
    )


FILTERS = [
    {},
    {"severity": ["high", "critical"]},
    {"severity": ["low"]},
    {"threat_type": ["brute_force", "geo_anomaly"]},
    {"customer_id": "filtered-3"},
    {"requires_review": True},
    {"requires_review": False},
    {"search": "NUMBER 2"},
    {"search": "45.83.0.1"},
    {"status": ["completed"]},
    {"status": ["failed"]},
    {"severity": ["medium", "low", "high"], "threat_type": ["bot_traffic"], "search": "customer"},
]


def test_subscribers_get_what_their_filters_let_through(fleet):
    clients = [LiveClient(fleet.apis[i % 2]) for i in range(len(FILTERS))]
    watcher = LiveClient(fleet.api)
    for client, wanted in zip(clients, FILTERS):
        client.send({"type": "subscribe", **wanted})
        (message,) = client.wait_for("subscribed")
        check(message, "events.json#/$defs/subscribed")
        for name, value in wanted.items():
            told = message["filter"][name]
            assert sorted(told) == sorted(value) if isinstance(value, list) else told == value or told == str(value).lower()
    ids = fleet.api.post("/api/threats/batch", varied(60, "filtered")).json()["ids"]
    watcher.wait_for("new_threat", 60)
    last = {}
    for id_ in ids:
        row = fleet.api.get(f"/api/threats/{id_}").json()
        for i, wanted in enumerate(FILTERS):
            if judged(row, wanted):
                last.setdefault(i, set()).add(id_)
    for i, client in enumerate(clients):
        wait_until(lambda: set(told_ids(client)) >= last.get(i, set()), 10, f"filter {FILTERS[i]}")
        client.send({"type": "ping"})
        client.wait_for("pong")
        assert sorted(told_ids(client)) == sorted(last.get(i, set())), FILTERS[i]
        client.close()
    watcher.close()


def test_a_new_subscribe_replaces_the_filter(api):
    with LiveClient(api) as client:
        client.send({"type": "subscribe", "threat_type": ["geo_anomaly"]})
        client.wait_for("subscribed")
        client.send({"type": "subscribe"})
        (_, second) = client.wait_for("subscribed", 2)
        assert second["filter"] == {}
        wait_told(client, "new_threat", post(api, threat_type="brute_force"))


# --- resume


def test_resume_tells_what_was_missed_or_resets(api):
    with LiveClient(api) as client:
        first = post(api)
        mark = wait_told(client, "new_threat", first)["id"]
    missed = [api.post_signal(signal(), Prefer="wait=20").json()["id"] for _ in range(5)]
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        client.send({"type": "resume", "last_id": mark})

        def answered():
            kinds = [message for message in client.messages() if message["type"] in ("new_threat", "reset")]
            return any(message["type"] == "reset" for message in kinds) or set(told_ids(client)) >= set(missed)

        wait_until(answered, 10, "an answer to resume")
        if reset := client.messages("reset"):
            assert set(missed) <= {row["id"] for row in check(reset[0], "events.json#/$defs/reset")["data"]}
        else:
            assert told_ids(client) == missed and first not in told_ids(client)


def test_a_log_that_was_emptied_resets_the_clients():
    with Fleet(apis=1, workers=1) as fleet, LiveClient(fleet.api) as client:
        wait_told(client, "new_threat", post(fleet.api))
        fleet.store.flushall()
        client.wait_for("reset", limit_s=15)
        later = wait_until(
            lambda: (answer := fleet.api.post_signal(signal(), Prefer="wait=2")).status_code == 200 and answer.json()["id"],
            30,
            "threats are analysed again",
        )
        wait_told(client, "new_threat", later)


def test_resume_from_too_long_ago_resets(api):
    with LiveClient(api) as client:
        client.send({"type": "resume", "last_id": "1-0"})
        (message,) = client.wait_for("reset")
        check(message, "events.json#/$defs/reset")
