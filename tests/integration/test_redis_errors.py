"""Every error of Redis that lasts: what clients are told, that nobody retries in a hot loop, and that it goes on by
itself afterwards. A silent Redis is noticed before anybody asks."""

import concurrent.futures
import contextlib
import signal as signals
import time

import pytest
import redis

from contract import check_problem
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import signal, varied

pytestmark = pytest.mark.plain

ERRORS_PER_SECOND_AND_PROGRAM = 5
LOOK_S = 2


def errors(store):
    return store.info("stats")["total_error_replies"]


def failures(store):
    """Failed and refused calls of each command."""
    stats = store.info("commandstats").items()
    return {name[8:]: row.get("failed_calls", 0) + row.get("rejected_calls", 0) for name, row in stats}


def error_rate(store):
    """Error replies a second, once the first burst is over."""

    def passed(seconds):
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > until, seconds + 5, f"{seconds} s have passed")

    passed(2)
    before, began = errors(store), time.monotonic()
    passed(LOOK_S)
    return (errors(store) - before) / (time.monotonic() - began)


@contextlib.contextmanager
def setting(store, name, value, back):
    store.config_set(name, value)
    try:
        yield
    finally:
        store.config_set(name, back)


@contextlib.contextmanager
def no_replicas(fleet):
    with setting(fleet.store, "min-replicas-to-write", 1, 0):
        yield


@contextlib.contextmanager
def no_disk(fleet):
    """MISCONF: a snapshot failed, and writes are refused because of it."""
    fleet.store.config_set("appendonly", "no")
    fleet.store.config_set("save", "3600 1")
    (fleet.folder / "dump.rdb").mkdir()
    with contextlib.suppress(redis.RedisError):
        fleet.store.bgsave()
    wait_until(lambda: fleet.store.info("persistence")["rdb_last_bgsave_status"] == "err", 20, "the snapshot fails")
    try:
        yield
    finally:
        fleet.store.config_set("save", "")


@contextlib.contextmanager
def no_memory(fleet):
    with setting(fleet.store, "maxmemory", "1mb", "0"):
        yield


@contextlib.contextmanager
def no_permission(fleet):
    """NOPERM: the user may greet and ping, and nothing of ours."""
    fleet.store.acl_setuser("default", enabled=True, nopass=True, categories=["+@all"], keys=["~other:*"], reset_keys=True)
    fleet.store.execute_command("ACL", "SETUSER", "default", "resetkeys", "~other:*")
    try:
        yield
    finally:
        fleet.store.execute_command("ACL", "SETUSER", "default", "allkeys")


@contextlib.contextmanager
def no_password(fleet):
    """NOAUTH: a password was set, and nobody told us; connections that are there are cut."""
    fleet.store.execute_command("CONFIG", "SET", "requirepass", "secret")
    fleet.store.client_kill_filter(_type="normal", skipme=True)
    try:
        yield
    finally:
        fleet.store.execute_command("CONFIG", "SET", "requirepass", "")


@contextlib.contextmanager
def wrong_type(fleet, key="threats:stream"):
    fleet.store.rename(key, "kept")
    fleet.store.set(key, "not a stream")
    try:
        yield
    finally:
        fleet.store.rename("kept", key)


@contextlib.contextmanager
def wrong_type_of_log(fleet):
    with wrong_type(fleet, "threats:log"):
        yield


@contextlib.contextmanager
def replica(fleet):
    """READONLY, then a replica by its ROLE."""
    fleet.store.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        yield
    finally:
        fleet.store.execute_command("REPLICAOF", "NO", "ONE")


ROWS = [
    # fault, its answer to a POST
    (no_replicas, 503, "unavailable"),
    (no_disk, 503, "unavailable"),
    (no_memory, 503, "no-memory"),
    (no_permission, 503, "unavailable"),
    (no_password, 503, "unavailable"),
    (wrong_type, 500, "wrong-type"),
    (wrong_type_of_log, 500, "wrong-type"),
    (replica, 503, "unavailable"),
]


def bear(fault, code, kind):
    with Fleet(apis=1, workers=1) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        fleet.workers[0].send(signals.SIGSTOP)
        waiting = 100
        assert fleet.api.post("/api/threats/batch", varied(waiting)).status_code == 202
        with fault(fleet):
            fleet.workers[0].send(signals.SIGCONT)
            key = {"Idempotency_Key": "refused"}
            problem = check_problem(fleet.api.post_signal(signal(), **key), code)
            assert problem["type"] == f"urn:soc:problem:{kind}"
            rate = error_rate(fleet.store)
            assert rate < ERRORS_PER_SECOND_AND_PROGRAM * len(fleet.programs), failures(fleet.store)
            lines = [row for program in fleet.programs for row in program.logged() if row["level"] in ("warning", "error")]
            assert lines, "it is said loudly"
            assert len(lines) < 100
            if kind == "wrong-type":
                assert [row for row in lines if "another type" in row["message"] and row["level"] == "error"]
        wait_until(lambda: fleet.api.post_signal(signal(), Prefer="wait=2", **key).status_code == 200, 20, "signals are analysed again")
        fleet.wait_completed(waiting + 2)
        fleet.wait_idle()
        assert fleet.store.zcard("threats:by_created") == waiting + 2, "what was refused was not taken"
        assert fleet.store.xlen("threats:dead") == 0, "it was no fault of the entries"
        rows = [fields["id"] for _, fields in fleet.store.xrange("threats:log") if fields["kind"] == "created"]
        assert set(rows) <= set(fleet.store.zrange("threats:by_created", 0, -1)), "and nothing of it was told"
        account = fleet.api.get("/api/backlog").json()
        assert (account["lag"], account["unaccounted"]) == (0, 0), account
        counted = sum(
            fleet.programs[at].metric("soc_redis_errors_total", reason=kind) or 0 for at in range(len(fleet.programs))
        )
        assert counted > 0


@pytest.fixture(scope="module")
def outcomes():
    """All at once, each with a fleet of its own: they mostly wait."""
    with concurrent.futures.ThreadPoolExecutor(len(ROWS)) as pool:
        yield {row[0]: pool.submit(bear, *row) for row in ROWS}


@pytest.mark.parametrize("fault", [row[0] for row in ROWS], ids=[row[0].__name__ for row in ROWS])
def test_an_error_that_lasts(outcomes, fault):
    outcomes[fault].result()


@pytest.mark.parametrize("over_tcp", [True, False], ids=["tcp", "unix"])
def test_a_silent_redis_is_noticed_before_anybody_asks(over_tcp):
    """Also the links of blocking reads: 2 s and 2 s more."""
    with Fleet(apis=1, workers=1, over_tcp=over_tcp) as fleet:
        assert fleet.api.post_signal(signal(), Prefer="wait=20").status_code == 200
        fleet.wait_idle()
        names = {row["name"] for row in fleet.store.client_list() if row["name"].startswith("soc-")}
        assert len(names) == 5

        def lost():
            return {row["connection"] for program in fleet.programs for row in program.logged() if row["message"] == "redis is down"}

        fleet.redis.send(signals.SIGSTOP)
        stopped = time.monotonic()
        try:
            wait_until(lambda: lost() == names, 20, "every connection is given up")
            assert time.monotonic() - stopped < 4.5 * TIME_SCALE
            asked = time.monotonic()
            assert fleet.api.post_signal(signal()).status_code == 503
            assert time.monotonic() - asked < 1 * TIME_SCALE, "no request had to wait for it"
        finally:
            fleet.redis.send(signals.SIGCONT)
        for program in fleet.programs:
            program.wait_ready()
