"""What a threat costs Redis: commands, bytes in, bytes kept."""

import json
import statistics
import time

import pytest

from fleet import Fleet
from processes import wait_until
from sample_signals import real, varied

pytestmark = pytest.mark.alone

COMMANDS_MAX = 16
# One at a time, each threat has both reads of the log to itself, and its waiting client the read of its analysis.
ALONE = 2
BYTES_RATIO_MAX = 1.6
LOG_ROW_MAX = 300
BODY_MEDIAN_MAX = 5550  # the names that the contract lists for every analysis alone are 4 KiB; then its own facts and times
# Questions of this test itself.
OURS = {"cmdstat_info", "cmdstat_config|resetstat", "cmdstat_zcard", "cmdstat_xinfo|groups", "cmdstat_xinfo|stream", "cmdstat_ping"}


def reset(store):
    store.config_resetstat()


def commands(store):
    """Calls inside Redis by command, scripts' own included, without the test's."""
    return {name: row["calls"] for name, row in store.info("commandstats").items() if name not in OURS}


def per_threat(store, count, resting=0):
    """Without `resting` of them, which are no threat's."""
    calls = commands(store)
    table = {name: round(number / count, 2) for name, number in sorted(calls.items())}
    return (sum(calls.values()) - resting) / count, table


def rate_at_rest(store):
    """Calls in a second of a fleet that has nothing to do: heartbeats, the group's state, upkeep."""
    reset(store)
    started = time.monotonic()
    wait_until(lambda: commands(store).get("cmdstat_evalsha", 0) >= 30, 60, "the fleet has asked for a while")
    return sum(commands(store).values()) / (time.monotonic() - started)


@pytest.fixture(scope="module")
def settled():
    with Fleet(apis=1, workers=1) as fleet:
        warm = fleet.api.post("/api/threats/batch", varied(200, "warm"))
        assert warm.status_code == 202
        fleet.wait_completed(200)
        fleet.wait_idle()
        wait_until(lambda: fleet.store.xrange("threats:log", count=1)[0][1]["kind"] != "created", 30, "the log's old rows are cut")
        yield fleet


def test_commands_at_full_speed(settled):
    store = settled.store
    stored = store.zcard("threats:by_created")
    reset(store)
    for _ in range(4):
        assert settled.api.post("/api/threats/batch", varied(500, "budget")).json()["accepted"] == 500
    settled.wait_completed(stored + 2000)
    settled.wait_idle()
    calls, table = per_threat(store, 2000)
    assert calls <= COMMANDS_MAX, table


def test_commands_one_at_a_time(settled):
    store = settled.store
    signals = varied(400, "single")
    stored = store.zcard("threats:by_created")
    rate = rate_at_rest(store)
    reset(store)
    started = time.monotonic()
    for i, row in enumerate(signals):
        assert settled.api.post("/api/threats", row).status_code == 202
        settled.wait_completed(stored + i + 1)
    settled.wait_idle()
    calls, table = per_threat(store, len(signals), rate * (time.monotonic() - started))
    assert calls <= COMMANDS_MAX + ALONE, table


def test_commands_with_retention_at_full_speed():
    """Each newcomer pushes an old one out: its record, its place in the index and its rows of the log."""
    with Fleet(apis=1, workers=1, SOC_RETENTION_THREATS=500) as fleet:
        fleet.api.post("/api/threats/batch", varied(700, "old"))
        fleet.wait_completed(500)
        fleet.wait_idle()
        reset(fleet.store)
        for _ in range(4):
            assert fleet.api.post("/api/threats/batch", varied(500, "new")).json()["accepted"] == 500
        fleet.wait_idle()
        wait_until(lambda: fleet.store.zcard("threats:by_created") == 500, 20, "only the newest are kept")
        calls, table = per_threat(fleet.store, 2000)
        assert table["cmdstat_del"] > 0.9, "old ones went"
        assert calls <= COMMANDS_MAX, table


def test_bytes_into_redis(settled):
    store = settled.store
    stored = store.zcard("threats:by_created")
    rows = (real() * 6)[:600]
    before = store.info("stats")["total_net_input_bytes"]
    ids = settled.api.post("/api/threats/batch", rows).json()["ids"]
    settled.wait_completed(stored + len(rows))
    settled.wait_idle()
    sent = store.info("stats")["total_net_input_bytes"] - before
    pipeline = store.pipeline(transaction=False)
    for id_ in ids:
        pipeline.hget(f"threat:{id_}", "data")
    bodies = [len(body.encode()) for body in pipeline.execute()]
    signals = [len(json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()) for row in rows]
    ratio = sent / (sum(bodies) + sum(signals))
    assert ratio <= BYTES_RATIO_MAX, f"{sent / len(rows):.0f} bytes a threat, {ratio:.2f} of body and signal"
    assert statistics.median(bodies) <= BODY_MEDIAN_MAX, f"median body {statistics.median(bodies)}"


def test_log_rows_are_small(settled):
    rows = varied(40, "log-row")
    rows.append({**rows[0], "customer_name": "𝄞" * 200, "customer_id": "x" * 64, "source_ip": "2001:db8:1111:2222:3333:4444:5555:6666"})
    assert settled.api.post("/api/threats/batch", rows).json()["accepted"] == 41
    settled.wait_idle()
    sizes = [sum(len(part.encode()) for pair in fields.items() for part in pair) for _, fields in settled.store.xrange("threats:log")]
    assert max(sizes) <= LOG_ROW_MAX


def test_the_analysis_is_kept_once(settled):
    """No key but the threat's own holds the words of its analysis."""
    store = settled.store
    answer = settled.api.post("/api/threats", varied(1, "only-once")[0], headers={"Prefer": "wait=10"}).json()
    sentence = answer["agent_analyses"]["priority"]["analysis"]
    assert sentence in json.loads(store.hget(f"threat:{answer['id']}", "data"))["agent_analyses"]["priority"]["analysis"]
    for key in ("threats:log", "threats:stream"):
        assert sentence not in json.dumps(store.xrange(key))


def test_no_index_but_by_created(settled):
    kinds = {}
    for key in settled.store.scan_iter(count=1000):
        kinds.setdefault(settled.store.type(key), set()).add(key)
    assert kinds.get("zset") == {"threats:by_created"}
    assert kinds.get("set", set()) <= {"customers"} and "list" not in kinds


def test_finished_entries_do_not_pile_up(settled):
    store = settled.store
    stored = store.zcard("threats:by_created")
    for _ in range(6):
        settled.api.post("/api/threats/batch", varied(1000, "pile"))
    settled.wait_completed(stored + 6000, 60)
    settled.wait_idle()
    assert store.xinfo_groups("threats:stream")[0]["lag"] == 0
