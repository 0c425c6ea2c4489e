"""threats:log deleted, rolled back, trimmed or made another type under running APIs: each notices, reads it again and
says so to its clients, also when the new log's ids have passed the old ones already."""

import time

import pytest

from fleet import Fleet
from live_client import LiveClient
from processes import TIME_SCALE, wait_until
from sample_signals import signal
from steps import completed, post, wait_told

LOG = "threats:log"
NOTICED_S = 4 * TIME_SCALE


@pytest.fixture
def pair():
    """Two APIs, a client on each, three analysed threats."""
    with Fleet(apis=2, workers=1) as fleet:
        clients = [LiveClient(api) for api in fleet.apis]
        for client in clients:
            client.wait_for("initial_batch")
        fleet.first = [completed(fleet.api)["id"] for _ in range(3)]
        for client in clients:
            client.wait_for("new_threat", 3)
        fleet.clients = clients
        yield fleet
        for client in clients:
            client.close()


def rebuilt(store):
    """What a reader of the whole log knows."""
    known = {}
    for _, row in store.xrange(LOG):
        if row["kind"] == "expired":
            known.pop(row["id"], None)
        else:
            known[row["id"]] = row
    return set(known)


def listed(api):
    answer = api.get("/api/threats?limit=1000")
    return {row["id"] for row in answer.json()} if answer.status_code == 200 else None


def total(api):
    answer = api.get("/api/stats")
    return answer.json()["total"] if answer.status_code == 200 else None


def all_notice(fleet):
    began = time.monotonic()
    for client in fleet.clients:
        client.wait_for("reset", limit_s=NOTICED_S)
    assert time.monotonic() - began <= NOTICED_S
    for api in fleet.apis:
        wait_until(lambda: total(api) == len(rebuilt(fleet.store)), 10, "the catalog is the log's")


def all_hear(fleet):
    """The APIs are not deaf."""
    id_ = post(fleet.api)
    for client in fleet.clients:
        wait_told(client, "new_threat", id_)
    for api in fleet.apis:
        wait_until(lambda: listed(api) == rebuilt(fleet.store), 10, "the list is the log's")


def rolled_back(fleet):
    """The log as it was before the last threat."""
    dump = fleet.store.dump(LOG)
    completed(fleet.api)
    for client in fleet.clients:
        client.wait_for("new_threat", 4)
    return dump


def test_a_deleted_log(pair):
    pair.store.delete(LOG)
    all_notice(pair)
    assert listed(pair.api) == set()
    all_hear(pair)


def test_a_deleted_log_that_passes_the_old_position_at_once(pair):
    row = pair.store.xrevrange(LOG, count=1)[0][1]
    with pair.store.pipeline(transaction=True) as one:
        one.delete(LOG)
        one.xadd(LOG, row)
        one.execute()
    all_notice(pair)
    all_hear(pair)


def test_a_flushed_redis(pair):
    pair.store.flushall()
    all_notice(pair)
    id_ = wait_until(
        lambda: (answer := pair.api.post_signal(signal(), Prefer="wait=2")).status_code == 200 and answer.json()["id"],
        30,
        "threats are analysed again",
    )
    for client in pair.clients:
        wait_told(client, "new_threat", id_)


def test_a_log_that_went_back(pair):
    dump = rolled_back(pair)
    pair.store.restore(LOG, 0, dump, replace=True)
    all_notice(pair)
    assert listed(pair.api) == set(pair.first)
    all_hear(pair)


def test_a_log_that_went_back_and_passes_the_old_position_at_once(pair):
    dump = rolled_back(pair)
    rows = pair.store.xrevrange(LOG, count=2)
    with pair.store.pipeline(transaction=True) as one:
        one.restore(LOG, 0, dump, replace=True)
        for _, row in rows:
            one.xadd(LOG, row)
        one.execute()
    all_notice(pair)
    all_hear(pair)


def test_a_log_with_another_row_at_the_old_position(pair):
    (last, _), (_, other) = pair.store.xrevrange(LOG, count=2)
    with pair.store.pipeline(transaction=True) as one:
        one.delete(LOG)
        one.xadd(LOG, other, id=last)
        one.execute()
    all_notice(pair)
    all_hear(pair)


def test_a_log_trimmed_to_nothing(pair):
    pair.store.xtrim(LOG, maxlen=0, approximate=False)
    all_notice(pair)
    all_hear(pair)


def test_a_log_that_went_back_while_redis_was_away(pair):
    dump = rolled_back(pair)
    pair.redis.kill()
    pair.redis.start()
    pair.store.restore(LOG, 0, dump, replace=True)
    all_notice(pair)
    all_hear(pair)


def test_a_log_trimmed_at_its_old_end_is_still_the_log(pair):
    oldest = pair.store.xrange(LOG, count=1)[0][0]
    pair.store.xtrim(LOG, minid=pair.store.xrange(LOG, count=3)[2][0], approximate=False)
    assert pair.store.xrange(LOG, count=1)[0][0] != oldest
    checked = [api.metric("soc_redis_reconnects_total") for api in pair.apis]
    calls = pair.store.info("commandstats")["cmdstat_evalsha"]["calls"]
    wait_until(lambda: pair.store.info("commandstats")["cmdstat_evalsha"]["calls"] > calls + 6, 20, "the log was checked")
    all_hear_without_reset(pair)
    assert checked == [api.metric("soc_redis_reconnects_total") for api in pair.apis]


def all_hear_without_reset(fleet):
    id_ = post(fleet.api)
    for client in fleet.clients:
        wait_told(client, "new_threat", id_)
        assert client.messages("reset") == []
    assert not [row for api in fleet.apis for row in api.logged() if "read again" in row["message"]]


def test_another_type_under_the_log_is_said_and_recovers(pair):
    pair.store.rename(LOG, "kept")
    pair.store.set(LOG, "no stream")
    for api in pair.apis:
        wait_until(lambda: api.status("/ready") == 503, NOTICED_S, "not ready")
        assert api.get("/api/threats").status_code == 503

    def complaints():
        return sum("WRONGTYPE" in row.get("reply", "") for row in pair.api.logged())

    began, before = time.monotonic(), complaints()
    wait_until(lambda: complaints() >= before + 3, 10, "it is said again and again")
    assert (complaints() - before) / (time.monotonic() - began) < 3, "but not all the time"
    assert pair.api.metric("soc_redis_reconnects_total") == 0
    pair.store.rename("kept", LOG)
    for api in pair.apis:
        api.wait_ready()
    all_hear_without_reset(pair)


def test_a_full_redis_is_no_other_log(pair):
    pair.store.config_set("maxmemory", "1mb")
    try:
        calls = pair.store.info("commandstats")["cmdstat_evalsha"]["calls"]
        wait_until(lambda: pair.store.info("commandstats")["cmdstat_evalsha"]["calls"] > calls + 6, 20, "the log was checked")
        assert all(api.status("/ready") == 200 for api in pair.apis)
    finally:
        pair.store.config_set("maxmemory", "0")
    wait_until(lambda: all(api.get("/ready").json()["components"]["intake"] == "open" for api in pair.apis), 10, "signals are taken again")
    all_hear_without_reset(pair)
