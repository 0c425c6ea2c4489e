"""From POST on two APIs through three workers to five WebSocket clients, exactly once and in one order."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract import check, check_sums
from fleet import Fleet
from live_client import LiveClient
from processes import wait_until
from sample_signals import varied

COUNT = 1000


class OutsideListener:
    """Somebody else's SUBSCRIBE threats:events."""

    def __init__(self, store):
        self.bodies = []
        self._subscription = store.pubsub(ignore_subscribe_messages=True)
        self._subscription.subscribe(**{"threats:events": lambda message: self.bodies.append(message["data"])})
        self._thread = self._subscription.run_in_thread(sleep_time=0.05, daemon=True)

    def stop(self):
        self._thread.stop()
        self._thread.join(10)
        self._subscription.close()


def post_all(apis, signals):
    """Each thread posts to one API; returns the ids in no particular order."""
    lock, ids = threading.Lock(), []

    def post(share, api):
        mine = []
        for signal in share:
            answer = api.post("/api/threats", signal)
            assert answer.status_code == 202, answer.text
            mine.append(answer.json()["id"])
        with lock:
            ids.extend(mine)

    with ThreadPoolExecutor(len(apis)) as pool:
        for done in [pool.submit(post, signals[i :: len(apis)], api) for i, api in enumerate(apis)]:
            done.result()
    return ids


@pytest.fixture(scope="module")
def flow():
    with Fleet(apis=2, workers=3) as fleet:
        clients = [LiveClient(fleet.apis[i % 2]) for i in range(5)]
        for client in clients:
            client.wait_for("initial_batch")
        outside = OutsideListener(fleet.redis.client)
        wait_until(lambda: fleet.store.pubsub_numsub("threats:events")[0][1] == 1, 10, "the outside listener subscribes")
        ids = post_all(fleet.apis, varied(COUNT))
        for client in clients:
            client.wait_for("new_threat", COUNT, 60)
        fleet.wait_idle()
        wait_until(lambda: len(outside.bodies) >= COUNT, 20, "the outside listener hears all")
        yield fleet, ids, clients, outside
        outside.stop()
        for client in clients:
            client.close()


def test_every_signal_got_an_id_of_its_own(flow):
    _, ids, _, _ = flow
    assert len(ids) == len(set(ids)) == COUNT


def test_every_client_got_every_new_threat_once_and_in_the_same_order(flow):
    _, ids, clients, _ = flow
    orders = [[message["data"]["id"] for message in client.messages("new_threat")] for client in clients]
    assert sorted(orders[0]) == sorted(ids)
    for order in orders[1:]:
        assert order == orders[0]


def test_every_creation_was_told_once_and_before_its_analysis(flow):
    _, ids, clients, _ = flow
    for client in clients:
        place = {}
        for i, message in enumerate(client.messages()):
            if message["type"] in ("threat_created", "new_threat"):
                place.setdefault((message["type"], message["data"]["id"]), []).append(i)
        for id_ in ids:
            (created,) = place["threat_created", id_]
            (completed,) = place["new_threat", id_]
            assert created < completed


def test_event_ids_rise(flow):
    _, _, clients, _ = flow
    for client in clients:
        marks = [tuple(map(int, message["id"].split("-"))) for message in client.messages() if "id" in message]
        assert marks == sorted(set(marks))


def test_an_outside_subscriber_got_every_analysis_once(flow):
    _, ids, _, outside = flow
    assert sorted(json.loads(body)["id"] for body in outside.bodies) == sorted(ids)


def test_both_apis_give_the_same_analysis(flow):
    fleet, ids, clients, _ = flow
    told = {message["data"]["id"]: message["data"] for message in clients[0].messages("new_threat")}
    for id_ in ids[::10]:
        answers = [api.get(f"/api/threats/{id_}") for api in fleet.apis]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].content == answers[1].content
        assert answers[0].json() == told[id_]
        check_sums(check(answers[0].json(), "analysis.json"))


def test_both_apis_list_the_same(flow):
    fleet, ids, _, _ = flow
    lists = [[row["id"] for row in api.get("/api/threats?limit=1000").json()] for api in fleet.apis]
    assert lists[0] == lists[1]
    assert sorted(lists[0]) == sorted(ids)


def test_the_backlog_is_empty_and_redis_says_so(flow):
    fleet, _, _, _ = flow
    group = fleet.redis.group()
    assert (group["lag"], group["pending"]) == (0, 0)
    backlog = check(fleet.api.get("/api/backlog").json(), "backlog.json")
    assert (backlog["lag"], backlog["pending"], backlog["outstanding"], backlog["dead_letters"]) == (0, 0, 0, 0)
    assert sum(consumer["alive"] for consumer in backlog["consumers"]) == 3


def test_the_work_was_shared(flow):
    fleet, _, _, _ = flow

    def processed(worker):
        text = worker.get("/metrics").text
        rows = [line for line in text.splitlines() if line.startswith("soc_threats_processed_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in rows)

    counts = [processed(worker) for worker in fleet.workers]
    assert sum(counts) == COUNT
    assert all(counts)


def test_history_counted_every_threat_once(flow):
    fleet, _, _, _ = flow
    totals = [int(fleet.store.get(key).split()[0]) for key in fleet.store.scan_iter("history:customer:*", count=1000)]
    assert sum(totals) == COUNT
