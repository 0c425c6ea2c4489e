"""/ws: a client that was away goes on where it left, from memory or from threats:log, on any API; or it is told to
start over. Never a hole, never an event twice."""

import json

import pytest

import raw_http
from contract import check
from fleet import Fleet
from live_client import TEXT, LiveClient, RawWebSocket, handshake_headers
from processes import wait_until
from sample_signals import fresh_customer, signal, varied
from steps import completed, post, wait_told

LOG = "threats:log"
EVENTS = ("threat_created", "new_threat", "threat_updated")


def position(id_):
    ms, sequence = id_.split("-")
    return int(ms), int(sequence)


def logged(store, after, where=lambda row: True):
    """The ids of the log's events behind one."""
    rows = store.xrange(LOG, min="(" + after)
    return [id_ for id_, row in rows if row["kind"] != "expired" and "again" not in row and where(row)]


def event_ids(messages):
    return [message["id"] for message in messages if message["type"] in EVENTS]


def last_id(client):
    return client.wait_for("initial_batch")[0]["last_id"]


def resumed(client, last, expected, limit_s=30):
    """Resumes and returns exactly what was expected, in order."""
    client.wait_for("initial_batch")
    client.send({"type": "resume", "last_id": last})
    wait_until(lambda: client.messages("reset") or len(event_ids(client.messages())) >= len(expected), limit_s, "what was missed")
    assert not client.messages("reset")
    assert event_ids(client.messages()) == expected
    return [message for message in client.messages() if message["type"] in EVENTS]


def is_reset(client, last):
    client.wait_for("initial_batch")
    client.send({"type": "resume", "last_id": last})
    (reset,) = client.wait_for("reset")
    check(reset, "events.json#/$defs/reset")
    assert event_ids(client.messages()) == []
    return reset


def post_many(api, count, customer="many"):
    answer = api.post("/api/threats/batch", varied(count, customer))
    assert answer.status_code == 202, answer.text
    return answer.json()["ids"]


def restart(api):
    api.terminate()
    api.start()
    api.wait_ready()


def resumes(api, outcome):
    return api.metric("soc_websocket_resume_total", outcome=outcome)


@pytest.fixture(scope="module")
def pair():
    with Fleet(apis=2, workers=2) as fleet:
        completed(fleet.api)
        yield fleet


@pytest.mark.parametrize("where", ["the same", "the other", "restarted"])
def test_the_first_batch_is_a_place_to_resume_from(pair, where):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    api = pair.apis[1 if where == "the other" else 0]
    if where == "restarted":
        restart(api)
    with LiveClient(api) as client:
        resumed(client, mark, [])
        id_ = post(pair.api)
        wait_told(client, "new_threat", id_)
        assert event_ids(client.messages()) == logged(pair.store, mark)


def test_resume_from_the_log_after_a_restart(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    post_many(pair.apis[1], 300)
    pair.wait_idle()
    restart(pair.apis[0])
    with LiveClient(pair.apis[0]) as client:
        events = resumed(client, mark, logged(pair.store, mark))
        assert len(events) == 600
        for event in events[:: len(events) // 7]:
            check(event, "events.json")
        assert resumes(pair.apis[0], "log") == 1
        wait_told(client, "new_threat", post(pair.apis[1]))
        assert event_ids(client.messages()) == logged(pair.store, mark), "the ring goes on where the log ended"


def test_resume_from_the_log_keeps_the_filter(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    post_many(pair.apis[1], 400, "filtered")
    pair.wait_idle()
    restart(pair.apis[0])
    with LiveClient(pair.apis[0]) as client:
        client.wait_for("initial_batch")
        client.send({"type": "subscribe", "customer_id": "filtered-3"})
        client.wait_for("subscribed")
        events = resumed(client, mark, logged(pair.store, mark, lambda row: " filtered-3 " in row["row"]))
        assert {event["data"].get("signal", event["data"])["customer_id"] for event in events} == {"filtered-3"}
        begun, ended = client.wait_for("position", 2)
        assert begun == check({"type": "position", "id": mark}, "events.json#/$defs/position")
        assert ended["id"] == pair.store.xrevrange(LOG, count=1)[0][0], "this was all"


def test_resume_while_signals_come(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    post_many(pair.apis[1], 300)
    restart(pair.apis[0])
    with LiveClient(pair.apis[0]) as later, LiveClient(pair.apis[0], f"?last_id={mark}") as at_once:
        later.send({"type": "resume", "last_id": mark})
        for _ in range(5):
            post_many(pair.apis[1], 100)
        pair.wait_idle()
        expected = logged(pair.store, mark)
        for client in (later, at_once):
            wait_until(lambda: event_ids(client.messages())[-1:] == expected[-1:], 20, "the last event")
            begun = client.messages().index({"type": "position", "id": mark})
            assert event_ids(client.messages()[begun:]) == expected
        assert not at_once.messages("initial_batch") and at_once.messages()[0]["type"] == "position"


def test_resume_in_the_request_from_memory_and_from_too_far_back(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
        id_ = post(pair.api)
        wait_told(client, "new_threat", id_)
        with LiveClient(pair.apis[0], f"?last_id={mark}") as again:
            wait_told(again, "new_threat", id_)
            assert event_ids(again.messages()) == logged(pair.store, mark)
    with LiveClient(pair.apis[0], "?last_id=1-1") as client:
        client.wait_for("reset")
        assert [message["type"] for message in client.messages()] == ["reset"]


@pytest.mark.parametrize("value", ["", "yesterday", "5", "-", "1-", "%ff", "1-1%20"])
def test_a_bad_id_in_the_request_is_422(pair, value):
    headers = handshake_headers(f"127.0.0.1:{pair.api.port}")
    text = f"GET /ws?last_id={value} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    answer = raw_http.exchange(pair.api, text.encode())
    assert answer.status_code == 422
    assert json.loads(answer.body)["errors"][0]["parameter"] == "last_id"


def test_asking_before_the_first_batch_is_as_good(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    ids = post_many(pair.api, 20)
    pair.wait_idle()
    with RawWebSocket(pair.apis[1]) as client:
        client.send_frame(TEXT, json.dumps({"type": "resume", "last_id": mark}).encode())
        messages = [json.loads(client.read_until(TEXT)) for _ in range(2 + 2 * len(ids))]
    assert messages[0]["type"] == "initial_batch"
    assert event_ids(messages) == logged(pair.store, mark)


def test_records_that_are_gone_are_told_as_updates_and_rows_that_are_no_event_not_at_all(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    gone, stays = completed(pair.api)["id"], completed(pair.api)["id"]
    row = next(row for _, row in pair.store.xrevrange(LOG) if row["id"] == stays and row["kind"] == "completed")
    pair.store.delete(f"threat:{gone}")
    pair.store.xadd(LOG, {"kind": "expired", "id": gone, "row": ""})
    pair.store.xadd(LOG, {**row, "kind": "updated", "again": "1"})
    end = completed(pair.api)["id"]
    expected = logged(pair.store, mark)
    restart(pair.apis[0])
    with LiveClient(pair.apis[0]) as client:
        events = resumed(client, mark, expected)
    kinds = {(event["type"], event["data"]["id"]) for event in events}
    assert kinds == {(kind, id_) for kind in ("threat_created", "new_threat") for id_ in (gone, stays, end)} - {
        ("new_threat", gone)
    } | {("threat_updated", gone)}


@pytest.mark.parametrize("change", [(0, 1), (1, 0), (10**9, 0)], ids=["no row", "between", "of the future"])
def test_an_id_that_is_no_row_is_reset(pair, change):
    with LiveClient(pair.apis[0]) as client:
        ms, sequence = position(last_id(client))
    completed(pair.api)
    before = resumes(pair.api, "reset")
    with LiveClient(pair.api) as client:
        is_reset(client, f"{ms + change[0]}-{sequence + change[1] + 1000}")
        wait_told(client, "new_threat", post(pair.api))
    assert resumes(pair.api, "reset") == before + 1


def test_a_trimmed_id_is_reset(pair):
    with LiveClient(pair.apis[0]) as client:
        mark = last_id(client)
    post_many(pair.api, 10)
    pair.wait_idle()
    pair.store.xtrim(LOG, minid=logged(pair.store, mark)[5], approximate=False)
    restart(pair.apis[0])
    with LiveClient(pair.apis[0]) as client:
        is_reset(client, mark)


def test_resume_from_an_empty_log_and_from_one_that_was_trimmed_since():
    with Fleet(apis=1, workers=1) as fleet:
        with LiveClient(fleet.api) as client:
            assert last_id(client) == "0-0"
        with LiveClient(fleet.api) as client:
            resumed(client, "0-0", [])
        post_many(fleet.api, 100)
        fleet.wait_idle()
        restart(fleet.api)
        with LiveClient(fleet.api) as client:
            assert len(resumed(client, "0-0", logged(fleet.store, "0-0"))) == 200
        fleet.store.xtrim(LOG, maxlen=150, approximate=False)
        restart(fleet.api)
        with LiveClient(fleet.api) as client:
            is_reset(client, "0-0")


def test_further_back_than_the_setting_is_reset():
    with Fleet(apis=1, workers=2, SOC_WS_RESUME_EVENTS=256) as fleet:
        with LiveClient(fleet.api) as client:
            mark = last_id(client)
            post_many(fleet.api, 300)
            client.wait_for("new_threat", 300)
        restart(fleet.api)
        near = logged(fleet.store, mark)[-250]
        with LiveClient(fleet.api) as client:
            is_reset(client, mark)
        with LiveClient(fleet.api) as client:
            resumed(client, near, logged(fleet.store, near))


def test_a_client_that_nothing_gets_to_keeps_a_place_to_resume_from():
    with Fleet(apis=1, workers=1, SOC_WS_RESUME_EVENTS=1000, SOC_WS_PING_SECONDS=1) as fleet:
        with LiveClient(fleet.api) as client:
            client.send({"type": "subscribe", "customer_id": "nobody"})
            client.wait_for("subscribed")
            completed(fleet.api)
            (told,) = client.wait_for("position")  # with the ping
            check(told, "events.json#/$defs/position")
            post_many(fleet.api, 400)
            fleet.wait_idle()
            last = fleet.store.xrevrange(LOG, count=1)[0][0]
            told = client.wait_for("position", where=lambda message: message["id"] == last)[-1]
            assert event_ids(client.messages()) == []
        restart(fleet.api)
        completed(fleet.api)
        with LiveClient(fleet.api) as client:
            assert len(resumed(client, told["id"], logged(fleet.store, told["id"]))) == 2


def test_a_log_that_is_replaced_ends_a_resume_with_a_reset():
    with Fleet(apis=1, workers=1) as fleet:
        with LiveClient(fleet.api) as client:
            mark = last_id(client)
            post_many(fleet.api, 1000)
            client.wait_for("new_threat", 1000)
        restart(fleet.api)
        with RawWebSocket(fleet.api, receive_buffer=4096) as slow:
            slow.send_frame(TEXT, json.dumps({"type": "resume", "last_id": mark}).encode())
            wait_until(lambda: resumes(fleet.api, "log") == 1, 10, "the resume has begun")
            fleet.store.delete(LOG)
            kinds = [json.loads(slow.read_until(TEXT))["type"]]
            while kinds[-1] != "reset":
                kinds.append(json.loads(slow.read_until(TEXT))["type"])
            assert 1 < len(kinds) < 2000


def test_many_who_resume_share_what_is_read():
    with Fleet(apis=1, workers=2) as fleet:
        with LiveClient(fleet.api) as client:
            mark = last_id(client)
        post_many(fleet.api, 250)
        fleet.wait_idle()
        restart(fleet.api)
        expected = logged(fleet.store, mark)
        marks = [mark, *expected[:39]]
        clients = [LiveClient(fleet.api) for _ in marks]
        for client in clients:
            client.wait_for("initial_batch")
        before = fleet.store.info("commandstats")
        for client, mark_ in zip(clients, marks):
            client.send({"type": "resume", "last_id": mark_})
        for client, mark_ in zip(clients, marks):
            wait_until(lambda: event_ids(client.messages())[-1:] == expected[-1:], 30, "the last event")
        after = fleet.store.info("commandstats")
        for client, mark_ in zip(clients, marks):
            assert event_ids(client.messages()) == logged(fleet.store, mark_)
            client.close()
        ranges = after["cmdstat_xrange"]["calls"] - before["cmdstat_xrange"]["calls"]
        pages = len(expected) // 128 + 2
        assert ranges < len(marks) * pages / 2, f"{ranges} reads of the log for {pages} pages"
        assert resumes(fleet.api, "log") == len(marks)
        assert completed(fleet.api, customer_id=fresh_customer())


def test_a_client_that_reads_nothing_is_cut_and_gets_every_event_once():
    with Fleet(apis=1, workers=2, SOC_WS_QUEUE_BYTES=262144, SOC_WS_RESUME_EVENTS=100_000) as fleet:
        with RawWebSocket(fleet.api, receive_buffer=4096) as slow:
            batch = json.loads(slow.read_until(TEXT))

            def dropped():
                post_many(fleet.api, 500, "slow")
                return fleet.api.metric("soc_websocket_dropped_total", reason="slow") == 1

            wait_until(dropped, 60, "the slow client is given up")
            heard = []
            with pytest.raises(AssertionError):
                while True:
                    heard.append(text_of(slow.read_frame()))
        fleet.wait_idle()
        expected = logged(fleet.store, batch["last_id"])
        first = event_ids(heard)
        assert 0 < len(first) < len(expected)
        with LiveClient(fleet.api) as client:
            resumed(client, first[-1], expected[len(first) :])
        assert first == expected[: len(first)]


def text_of(frame):
    """Of a frame that is a text; the close frame ends the conversation."""
    opcode, payload = frame
    assert opcode == TEXT
    return json.loads(payload)
