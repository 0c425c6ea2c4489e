"""scripts/doctor: each thing that can be wrong with a live Redis is made so, and named; a healthy fleet is healthy."""

import json
import os
import subprocess

import pytest

from fleet import Fleet
from processes import REPOSITORY, wait_until
from replication import MASTER_NAME, ReplicatedFleet
from sample_signals import signal, varied
from steps import completed

pytestmark = pytest.mark.plain

HEALTHY = {"maxmemory": "1gb", "client-output-buffer-limit": "normal 64mb 32mb 30", "tcp-keepalive": "15"}


def doctor(fleet, *words, url=None):
    look = 0.6 if fleet.workers else 0  # a heartbeat and a bit
    done = subprocess.run(
        [REPOSITORY / "scripts" / "doctor", "--url", url or fleet.redis_url, "--look", str(look), *words],
        capture_output=True, text=True, timeout=60, env={**os.environ, "REDIS_URL": "", "SOC_KEY_PREFIX": "", "SOC_WAIT_REPLICAS": "0"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def found(fleet, *words, url=None):
    done = doctor(fleet, "--json", *words, url=url)
    report = json.loads(done.stdout)
    severities = {row["severity"] for row in report["findings"]}
    assert done.returncode == (2 if "error" in severities else 1 if "warning" in severities else 0)
    assert all(row["what"] and row["why"] and row["do"] for row in report["findings"])
    return {row["id"]: row for row in report["findings"]}


def make_healthy(fleet):
    for name, value in HEALTHY.items():
        fleet.store.config_set(name, value)


@pytest.fixture(scope="module")
def fleet():
    with Fleet(apis=1, workers=1) as running:
        make_healthy(running)
        for _ in range(3):
            completed(running.api)
        running.wait_idle()
        yield running


@pytest.fixture
def bare():
    """A Redis alone, in which a test may break what it likes."""
    with Fleet(apis=0, workers=0) as running:
        make_healthy(running)
        yield running


@pytest.fixture
def frozen():
    """A fleet without workers, its group made: what is posted waits."""
    with Fleet(apis=1, workers=0) as running:
        make_healthy(running)
        running.store.xgroup_create("threats:stream", "soc-workers", "0", mkstream=True)
        yield running


def test_a_healthy_fleet_is_healthy(fleet):
    done = doctor(fleet)
    assert (done.returncode, done.stdout.strip()) == (0, "healthy: nothing found")
    assert json.loads(doctor(fleet, "--json").stdout) == {"findings": [], "errors": 0, "warnings": 0, "notes": 0}


def test_an_unreachable_redis_and_a_bad_url_are_told(fleet):
    refused = doctor(fleet, url="redis://user:secret@127.0.0.1:1/0")
    assert refused.returncode == 3 and "127.0.0.1:1" in refused.stderr and "secret" not in refused.stderr
    for url in ("http://127.0.0.1", "redis+sentinel://127.0.0.1:26379", "redis+sentinel://127.0.0.1:port/mymaster"):
        bad = doctor(fleet, url=url)
        assert bad.returncode == 3 and bad.stderr.startswith("scripts/doctor: --url: "), url


@pytest.mark.parametrize(
    ("setting", "value", "id_", "severity"),
    [
        ("maxmemory", "0", "no-maxmemory", "warning"),
        ("maxmemory-policy", "allkeys-lru", "eviction-policy", "error"),
        ("appendonly", "no", "no-append-only", "error"),
        ("appendfsync", "no", "fsync-never", "warning"),
        ("client-output-buffer-limit", "normal 0 0 0", "output-unbounded", "note"),
        ("tcp-keepalive", "0", "no-keepalive", "note"),
    ],
)
def test_settings_of_the_server(bare, setting, value, id_, severity):
    bare.store.config_set(setting, value)
    findings = found(bare)
    assert list(findings) == [id_] and findings[id_]["severity"] == severity


def test_memory_near_its_limit(bare):
    used = bare.store.info("memory")["used_memory"]
    bare.store.config_set("maxmemory", int(used / 0.85))
    assert found(bare)["memory-near-limit"]["severity"] == "warning"
    bare.store.config_set("maxmemory", int(used * 1.001))
    assert found(bare)["memory-near-limit"]["severity"] == "error"


def test_replicas_that_are_missing_or_cut_off(bare):
    assert found(bare, "--wait-replicas", "1")["too-few-replicas"]["severity"] == "error"
    bare.store.replicaof("127.0.0.1", 1)
    assert found(bare)["not-master"]["severity"] == "error"
    bare.store.replicaof("NO", "ONE")


def test_slow_commands(bare):
    bare.store.config_set("slowlog-log-slower-than", 0)
    for _ in range(12):
        bare.store.eval("local n = 0 for i = 1, 4000000 do n = n + i % 7 end return 1", 0)
    assert "took 10 ms or more" in found(bare)["slow-commands"]["what"]


@pytest.mark.parametrize("key", ["threats:stream", "threats:log", "threats:dead", "threats:by_created", "threats:workers", "infra:events"])
def test_keys_of_a_wrong_type(bare, key):
    bare.store.set(key, "x")
    findings = found(bare)
    assert list(findings) == ["wrong-type"] and key in findings["wrong-type"]["what"]


def test_counts_and_leases_of_a_wrong_type(bare):
    for key in ("threats:completed", "threats:failed", "threats:lease", "threats:upkeep"):
        bare.store.hset(key, "field", "x")
        assert found(bare)["wrong-type"]["what"] == f"{key} is a hash, not a string"
        bare.store.delete(key)


def test_no_group_and_foreign_groups(bare):
    bare.store.xadd("threats:stream", {"v": "1"})
    assert "group-missing" in found(bare)
    bare.store.xgroup_create("threats:stream", "soc-workers", "$")
    bare.store.xgroup_create("threats:stream", "mine", "$")
    assert "mine" in found(bare)["other-groups"]["what"]


def test_a_poisoned_stream_clock(bare):
    bare.store.xgroup_create("threats:stream", "soc-workers", "0", mkstream=True)
    bare.store.xadd("threats:stream", {"v": "1"}, id="9999999999999-0")
    assert found(bare)["stream-clock-ahead"]["severity"] == "error"


def test_work_without_a_worker(frozen):
    frozen.api.post_signal(signal())
    findings = found(frozen)
    assert findings["no-worker"]["severity"] == "error" and "orphaned-entries" not in findings
    frozen.store.xreadgroup("soc-workers", "gone", {"threats:stream": ">"})
    assert "1 entries" in found(frozen)["orphaned-entries"]["what"]
    worker = frozen.add_worker()
    worker.wait_ready()
    frozen.wait_completed(1)
    assert found(frozen) == {}


def test_consumers_of_gone_workers(frozen):
    for number in range(8):
        frozen.store.execute_command("XGROUP", "CREATECONSUMER", "threats:stream", "soc-workers", f"gone-{number}")
    assert "8 consumers" in found(frozen)["stale-consumers"]["what"]


def test_pending_entries_that_were_deleted_or_are_old(bare):
    bare.store.xgroup_create("threats:stream", "soc-workers", "0", mkstream=True)
    bare.store.xadd("threats:stream", {"v": "1"}, id="1-0")
    bare.store.xadd("threats:stream", {"v": "1"})
    bare.store.xreadgroup("soc-workers", "someone", {"threats:stream": ">"})
    findings = found(bare)
    assert "1-0 is pending" in findings["old-pending"]["what"] and "deleted-pending" not in findings
    bare.store.xdel("threats:stream", "1-0")
    assert "the first 1-0" in found(bare)["deleted-pending"]["what"]


def test_dead_letters_by_reason(bare):
    for reason in ("poison", "malformed", "poison"):
        bare.store.xadd("threats:dead", {"reason": reason})
    assert "3 dead letters: 2 poison, 1 malformed" in found(bare)["dead-letters"]["what"]


def test_a_lag_that_redis_lost_is_repaired(bare):
    """XTRIM of unread entries leaves a wrong lag for ever (redis#13957); deleting the last one leaves none."""
    store = bare.store
    store.xgroup_create("threats:stream", "soc-workers", "0", mkstream=True)
    ids = [store.xadd("threats:stream", {"v": "1"}) for _ in range(5)]
    store.xreadgroup("soc-workers", "me", {"threats:stream": ">"}, count=1)
    store.xtrim("threats:stream", maxlen=1, approximate=False)
    assert doctor(bare, "--repair").returncode == 1
    store.xreadgroup("soc-workers", "me", {"threats:stream": ">"})
    store.xack("threats:stream", "soc-workers", *ids)
    assert store.xinfo_groups("threats:stream")[0]["lag"] != 0
    assert "cannot be" in found(bare)["lag-unknown"]["what"]
    assert doctor(bare, "--repair").returncode == 0
    assert store.xinfo_groups("threats:stream")[0]["lag"] == 0
    assert "lag-unknown" not in found(bare)
    store.xadd("threats:stream", {"v": "1"})
    assert store.xinfo_groups("threats:stream")[0]["lag"] == 1


def test_what_a_group_skipped_is_found_and_queued_again(frozen):
    """An operator made the group anew at the stream's end: what waited would never be analysed."""
    ids = frozen.api.post("/api/threats/batch", varied(25)).json()["ids"]
    frozen.store.xgroup_destroy("threats:stream", "soc-workers")
    frozen.store.xgroup_create("threats:stream", "soc-workers", "$")
    finding = found(frozen)["skipped-entries"]
    assert finding["severity"] == "error" and "25 entries" in finding["what"]
    assert finding["what"].startswith("25 entries from " + frozen.store.xrange("threats:stream", count=1)[0][0])
    entries = [frozen.store.hget(f"threat:{id_}", "entry") for id_ in ids]
    assert "25 skipped entries" in doctor(frozen, "--replay-skipped").stdout
    assert not {"skipped-entries", "unaccounted"} & set(found(frozen))
    assert [row["message_id"] for row in frozen.store.xpending_range("threats:stream", "soc-workers", "-", "+", 100)] == entries
    frozen.add_worker().wait_ready()
    frozen.wait_completed(len(ids))
    frozen.wait_idle()
    assert "0 skipped entries" in doctor(frozen, "--replay-skipped").stdout
    kinds = [row["kind"] for _, row in frozen.store.xrange("threats:log")]
    assert kinds.count("completed") == len(ids)


def test_skipped_entries_are_found_behind_many_finished_ones_in_a_full_redis(bare):
    store = bare.store
    pipe = store.pipeline(transaction=False)
    for number in range(1, 5002):
        pipe.xadd("threats:stream", {"v": "1", "id": f"t{number}"}, id=f"{number}-0")
        pipe.hset(f"threat:t{number}", mapping={"entry": f"{number}-0", **({} if number in (4, 5000) else {"data": "{}"})})
    pipe.xgroup_create("threats:stream", "soc-workers", "$")
    pipe.mset({"threats:completed": 4999, "threats:failed": 0})
    pipe.execute()
    assert "2 entries from 4-0 to 5000-0" in found(bare)["skipped-entries"]["what"]
    store.config_set("maxmemory", 1)
    assert "2 skipped entries" in doctor(bare, "--replay-skipped").stdout
    store.config_set("maxmemory", HEALTHY["maxmemory"])
    assert {"skipped-entries", "unaccounted"} & set(found(bare)) == set()


def test_mending_without_a_queue_says_so(bare):
    for word in ("--repair", "--replay-skipped"):
        done = doctor(bare, word)
        assert done.returncode == 1 and done.stdout.startswith("there is no stream")


def test_it_finds_the_master_by_sentinels():
    with ReplicatedFleet(apis=0, workers=0, replicas=1, sentinels=1) as fleet:
        for name, value in HEALTHY.items():
            fleet.store.config_set(name, value)
        url = f"redis+sentinel://127.0.0.1:{fleet.sentinels[0].port}/{MASTER_NAME}/0"
        findings = found(fleet, url=url)
        assert set(findings) == {"writes-alone"}, findings
        assert set(found(fleet, "--wait-replicas", "2", url=url)) == {"writes-alone", "too-few-replicas"}


def test_the_account(frozen):
    """Entries that somebody acknowledged unfinished are missed."""
    frozen.store.mset({"threats:completed": 0, "threats:failed": 0})
    frozen.api.post("/api/threats/batch", varied(10))
    frozen.store.xreadgroup("soc-workers", "me", {"threats:stream": ">"})
    frozen.store.xack("threats:stream", "soc-workers", *[entry for entry, _ in frozen.store.xrange("threats:stream", count=4)])
    finding = found(frozen)["unaccounted"]
    assert finding["severity"] == "error" and finding["what"].startswith("4 entries")


def test_records_index_and_log_that_disagree(fleet):
    store = fleet.store
    id_ = completed(fleet.api)["id"]
    score = store.zscore("threats:by_created", id_)
    store.zrem("threats:by_created", id_)
    assert id_ in found(fleet)["record-without-index"]["what"]
    store.zadd("threats:by_created", {id_: score})
    store.zadd("threats:by_created", {"01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90": 1})
    findings = found(fleet)
    assert "01936b2e" in findings["index-without-record"]["what"] and "01936b2e" in findings["log-too-short"]["what"]
    store.zrem("threats:by_created", "01936b2e-5f0a-7c41-9b1e-3d5a8c2f6e90")
    assert wait_until(lambda: found(fleet) == {}, 10, "healthy again")


def test_a_prefix_and_the_text_report():
    with Fleet(apis=1, workers=0, SOC_KEY_PREFIX="{acme}:") as prefixed:
        prefixed.store.config_set("maxmemory-policy", "volatile-lru")
        prefixed.store.set("{acme}:threats:dead", "x")
        done = doctor(prefixed, "--prefix", "{acme}:")
        assert done.returncode == 2 and done.stdout.startswith("ERROR eviction-policy")
        assert "{acme}:threats:dead is a string" in done.stdout and done.stdout.rstrip().endswith("2 errors, 1 warning, 1 note")
