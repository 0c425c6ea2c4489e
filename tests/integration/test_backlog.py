"""GET /api/backlog tells the truth at every sample, and signals are refused before Redis is full."""

import threading

from contract import check, check_problem
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import signal, varied
from steps import completed

SAMPLES = 150


class Load(threading.Thread):
    """Posts batches until told to stop."""

    def __init__(self, api):
        super().__init__()
        self.api, self.enough, self.taken = api, threading.Event(), 0

    def run(self):
        number = 0
        while not self.enough.is_set():
            number += 1
            answer = self.api.http.post(self.api.url + "/api/threats/batch", json=varied(100, f"load-{number}"), timeout=40)
            self.taken += answer.json().get("accepted", 0)

    def stop(self):
        self.enough.set()
        self.join()


def finished_and_received(store):
    pipe = store.pipeline(transaction=True)
    pipe.xinfo_stream("threats:stream")
    pipe.mget("threats:completed", "threats:failed")
    stream, (done, failed) = pipe.execute()
    return int(done or 0) + int(failed or 0), stream["entries-added"]


def assert_true(backlog, before, after):
    """What is outstanding lies between what two atomic readings allow, or is flagged and not below them."""
    least, most = before[1] - after[0], after[1] - before[0]
    assert backlog["outstanding"] >= least, (backlog, before, after)
    if backlog["outstanding_exact"]:
        assert backlog["outstanding"] <= most, (backlog, before, after)
        assert backlog["unaccounted"] == 0
        assert backlog["received"] == backlog["completed"] + backlog["failed"] + backlog["outstanding"]


def test_every_sample_is_true_while_workers_die():
    with Fleet(apis=2, workers=3) as fleet:
        completed(fleet.api)
        load = Load(fleet.api)
        load.start()
        exact = 0
        for number in range(SAMPLES):
            if number % 30 == 10:
                victim = fleet.workers[number // 30 % 3]
                victim.kill()
                victim.start()
            before = finished_and_received(fleet.store)
            backlog = check(fleet.apis[1].get("/api/backlog").json(), "backlog.json")
            assert_true(backlog, before, finished_and_received(fleet.store))
            exact += backlog["outstanding_exact"]
        load.stop()
        assert exact == SAMPLES and load.taken > 1000
        fleet.wait_idle()
        backlog = fleet.api.get("/api/backlog").json()
        assert (backlog["outstanding"], backlog["unaccounted"], backlog["received"]) == (0, 0, load.taken + 1)


def test_a_group_made_again_is_flagged_and_does_nothing_twice():
    with Fleet(apis=1, workers=1) as fleet:
        ids = fleet.api.post("/api/threats/batch", varied(200)).json()["ids"]
        fleet.wait_completed(200)
        fleet.wait_idle()
        worker = fleet.workers[0]
        again = len(fleet.store.xrange("threats:stream"))
        fleet.store.xgroup_destroy("threats:stream", "soc-workers")
        ids += fleet.api.post("/api/threats/batch", varied(50, "after")).json()["ids"]
        fleet.wait_completed(250)
        fleet.wait_idle()
        assert worker.metric("soc_finished_before_total") == again > 0
        assert worker.metric("soc_group_recreated_total") == 1, "the group that a new system begins with is none of them"
        kinds = [row["kind"] for _, row in fleet.store.xrange("threats:log")]
        assert kinds.count("completed") == len(ids) == 250
        assert fleet.api.get("/api/backlog").json()["unaccounted"] == 0


def test_the_outstanding_limit_is_tight():
    """One API passes its limit by less than a batch, however fast signals come."""
    with Fleet(apis=1, workers=0, SOC_OUTSTANDING_LIMIT=1500, SOC_WORKER_RATE=10) as fleet:
        answers = [fleet.api.post("/api/threats/batch", varied(500, f"limit-{number}")) for number in range(6)]
        assert [answer.status_code for answer in answers] == [202, 202, 202, 503, 503, 503]
        assert "1500 threats wait, and at most 1500 may" in check_problem(answers[3], 503)["detail"]
        assert fleet.api.get("/ready").json()["components"]["intake"] == "overloaded"
        assert fleet.api.status("/ready") == 200
        wait_until(lambda: (fleet.api.metric("soc_required_workers") or 0) >= 3, 20, "three workers are needed for 1,500 at 10 a second in a minute")
        assert fleet.api.get("/api/backlog").json()["intake"]["refuses_with"] == "overloaded"
        fleet.add_worker().wait_ready()
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 202, 20, "signals are taken again")


def test_signals_are_refused_before_redis_is_full_and_taken_again_without_a_hand():
    with Fleet(apis=2, workers=0) as fleet:
        store, api = fleet.store, fleet.api
        for number in range(6):
            assert api.post("/api/threats/batch", varied(500, f"full-{number}")).status_code == 202
        store.config_set("maxmemory", int(store.info("memory")["used_memory"] / 0.85))
        (answer,) = wait_until(
            lambda: [row for row in [fleet.apis[1].post_signal(signal())] if row.status_code == 503], 10 * TIME_SCALE, "signals are refused"
        )
        assert check_problem(answer, 503)["type"] == "urn:soc:problem:no-memory" and int(answer.headers["Retry-After"]) >= 1
        assert store.info("stats").get("total_error_replies") == 0 or store.info("memory")["used_memory"] < store.info("memory")["maxmemory"]
        intake = check(fleet.apis[1].get("/api/backlog").json(), "backlog.json")["intake"]
        assert intake["refuses_with"] == "no-memory" and 80 <= intake["memory_percent"] < 100
        assert fleet.apis[1].metric("soc_intake_open") == 0
        assert "from 80 % on" in check_problem(answer, 503)["detail"]
        ready = fleet.apis[1].get("/ready")
        assert ready.status_code == 200 and check(ready.json(), "ready.json")["components"]["intake"] == "no-memory"
        store.config_set("maxmemory", int(store.info("memory")["used_memory"] * 0.9))
        for _ in range(2):
            fleet.add_worker().wait_ready()
        fleet.wait_completed(3000, 60)
        fleet.wait_idle()
        assert store.info("memory")["used_memory"] > store.info("memory")["maxmemory"], "they worked in a full Redis"
        assert api.post_signal(signal()).status_code == 503
        store.config_set("maxmemory", "1gb")
        for one in fleet.apis:
            wait_until(lambda: one.post_signal(signal()).status_code == 202, 10 * TIME_SCALE, "signals are taken again")
        assert all(one.starts == 1 for one in fleet.apis)


def test_the_account_of_a_deleted_stream_ends_with_it():
    """Signals come before a worker makes the group of the new stream."""
    with Fleet(apis=1, workers=1) as fleet:
        fleet.api.post("/api/threats/batch", varied(200))
        fleet.wait_completed(200)
        fleet.wait_idle()
        fleet.workers[0].terminate()
        fleet.store.delete("threats:stream")
        fleet.api.post("/api/threats/batch", varied(20, "new"))
        fleet.workers[0].start().wait_ready()
        fleet.wait_completed(220)
        fleet.wait_idle()
        backlog = fleet.api.get("/api/backlog").json()
        assert (backlog["received"], backlog["completed"], backlog["unaccounted"]) == (20, 20, 0)
        assert backlog["outstanding_exact"] is True


def test_what_a_group_passes_over_is_analysed_all_the_same():
    """An operator makes the group again at the stream's end while a worker runs, which trims what is finished."""
    with Fleet(apis=1, workers=2) as fleet:
        completed(fleet.api)
        fleet.wait_idle()
        for worker in fleet.workers:
            worker.kill()
        ids = fleet.api.post("/api/threats/batch", varied(50)).json()["ids"]
        fleet.store.xgroup_destroy("threats:stream", "soc-workers")
        fleet.store.xgroup_create("threats:stream", "soc-workers", "$")
        for worker in fleet.workers:
            worker.start().wait_ready()
        fleet.wait_completed(1 + len(ids), 30 * TIME_SCALE)
        fleet.wait_idle()
        assert sum(worker.metric("soc_entries_taken_back_total") for worker in fleet.workers) == len(ids)
        assert fleet.api.get("/api/backlog").json()["unaccounted"] == 0
        kinds = [row["kind"] for _, row in fleet.store.xrange("threats:log")]
        assert kinds.count("completed") == 1 + len(ids)


def test_what_analysts_and_imports_write_is_refused_in_a_full_redis_and_changes_nothing():
    with Fleet(apis=1, workers=1) as fleet:
        api, store = fleet.api, fleet.store
        id_ = completed(api)["id"]
        fleet.wait_idle()
        event = {"kind": "deployment", "title": "Release 7", "starts_at": "2026-01-01T00:00:00Z"}
        plain = {"Content-Type": "text/plain"}

        def write():
            return [
                api.post(f"/api/threats/{id_}/verdict", {"verdict": "true_positive"}),
                api.http.put(api.url + "/api/customers/acme", json={"name": "Acme"}),
                api.post("/api/infra-events", event),
                api.http.post(api.url + "/api/intel/indicators?list=mine&source=us&category=blocklist", data="192.0.2.1\n", headers=plain),
            ]

        before = {key: store.dump(key) for key in store.scan_iter() if not key.endswith(("workers", "lease", "upkeep", "reaping"))}
        store.config_set("maxmemory", 1)
        for answer in write():
            problem = check_problem(answer, 503)
            assert problem["type"] == "urn:soc:problem:no-memory"
            assert problem["detail"].startswith(("nothing was", "the old list is whole")), answer.text
            assert int(answer.headers["Retry-After"]) >= 1
        assert {key: store.dump(key) for key in before} == before
        assert api.get(f"/api/threats/{id_}").json()["verdict"] is None
        assert api.get("/api/threats").status_code == api.get("/api/dead-letters").status_code == 200
        store.config_set("maxmemory", 0)
        assert [answer.status_code // 100 for answer in write()] == [2, 2, 2, 2]
