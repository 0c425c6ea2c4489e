"""One fault test: a fleet under load with watchers and a sampler; faults; then the drain and the audit."""

import dataclasses
import signal as signals
import time

import catalog_check
import evidence
from auditor import INVARIANTS, MIB, Audit, Evidence, Memory, OwnerLoss, position, quantile
from observers import Producer, Sampler, Watchers
from processes import TIME_SCALE, wait_until

STORED_BYTES = 8 * 1024  # what a stored threat may cost Redis: record, index, log rows, idempotency key
CATALOG_BYTES = 400  # what it may cost an API
API_SLACK, WORKER_SLACK, REDIS_SLACK = 24 * MIB, 8 * MIB, 16 * MIB  # the ring's whole size; arenas; buffers of clients
SPARE_CONSUMERS = 5
STREAM_LEFT = 200  # entries of one stream node that trimming leaves


class Skipped(Exception):
    """The fault cannot be made on this machine; says why."""


def wall_ms():
    return int(time.time() * 1000)


@dataclasses.dataclass
class Figures:
    sent: int = 0
    accepted: int = 0
    completed: int = 0
    failed: int = 0
    outstanding: int = 0
    lost: int = 0
    excused: int = 0
    double: int = 0
    refused: int = 0
    unknown: int = 0
    redelivered: int = 0
    fenced: int = 0
    kills: int = 0
    redelivery_ms: list = dataclasses.field(default_factory=list)
    again_ms: list = dataclasses.field(default_factory=list)
    recovery_ms: list = dataclasses.field(default_factory=list)
    events: int = 0
    resets: int = 0


def settle(trial, count=1000, rate=2000):
    """A warm-up to the baseline."""
    trial.produce(count=count, rate=rate)
    trial.rest()


def wait_flowing(trial, for_s=0.5):
    """Signals come out at the load's end, for that long."""
    before = trial.stored()
    wait_until(lambda: trial.stored() > before, 20, "threats are finished")
    time.sleep(for_s)


class Trial:
    def __init__(self, fleet, watch=True, watch_each=1, rest_s=60, unchecked=()):
        """`fleet` runs already. `rest_s`: how long memory may take to be back. `unchecked`: invariant → why it says
        nothing here."""
        self.fleet = fleet
        self.producers = []
        self.losses = []
        self.queued_again = 0  # by the doctor, of what a group passed over
        self.faults = []
        self.gone = []  # workers that are no longer in the fleet
        self.baseline = None
        self.rest_s = rest_s
        self.unchecked = dict(unchecked)
        self.connections_lost = False
        self.may_lose = []
        self.may_unsay = []
        self.log_from = "0-0"
        self.loaded_from_ms = None  # when what counts as the rate before the fault began; None: with the load
        self.saved_rows = []  # of a log that was destroyed
        self.figures = Figures()
        self.broken = {}
        self.watchers = Watchers(fleet.folder, fleet.apis, watch_each) if watch else None
        self.sampler = Sampler(self)

    def __enter__(self):
        if self.watchers:
            self.watchers.wait_following(len(self.fleet.apis))
        self.sampler.start()
        return self

    def __exit__(self, kind, value, trace):
        self.sampler.enough.set()
        for helper in [*self.producers, self.watchers]:
            if helper:
                helper.abandon()

    # --- load ---

    def produce(self, apis=None, **options):
        self.producers.append(Producer(len(self.producers), self.fleet.folder, apis or self.fleet.apis, **options))
        return self.producers[-1]

    def told(self, name):
        return sum(producer.told[name] for producer in self.producers)

    def stored(self):
        return self.fleet.store.zcard("threats:by_created")

    def rest(self, limit_s=60):
        """Everything accepted so far is finished, and its memory is the baseline."""
        wait_until(lambda: all(producer.ended() for producer in self.producers), limit_s, "the producers are done")
        self.wait_idle(limit_s)
        self.baseline = (self.stored(), self.steady_memory())

    def resets_heard(self):
        return sum(word == "reset" for heard in self.watchers.heard().values() for word, _, _ in heard)

    def longest_wait_ms(self, since_ms):
        """From a threat's `created` row to its last one, of those taken since then."""
        created, longest = {}, 0
        for row in evidence.read_rows(self.fleet.store):
            if row.kind == "created" and row.at_ms >= since_ms:
                created[row.threat] = row.at_ms
            elif row.kind == "completed" and row.threat in created:
                longest = max(longest, row.at_ms - created[row.threat])
        return longest

    def wait_idle(self, limit_s=60):
        wait_until(lambda: evidence.is_idle(self.fleet.store), limit_s, "nothing is queued or pending")

    def steady_memory(self):
        seen = len(self.sampler.memory)
        wait_until(lambda: len(self.sampler.memory) >= seen + 2 or self.sampler.wrong, 10, "memory is sampled")
        return self.sampler.memory[-1][1]

    # --- faults ---

    def fault(self):
        """with trial.fault(): what is done in it is the fault; its end is its healing."""
        return Fault(self)

    def consumer_of(self, worker):
        names = [row["name"] for row in self.fleet.store.xinfo_consumers(evidence.STREAM, evidence.GROUP)]
        names += self.fleet.store.hkeys("threats:workers")
        return next((name for name in names if f"-{worker.pid}-" in name), None)

    def held_by(self, consumer):
        """What is pending for it: entry → threat id."""
        pending = self.fleet.store.xpending_range(evidence.STREAM, evidence.GROUP, "-", "+", 10_000, consumername=consumer)
        pipeline = self.fleet.store.pipeline(transaction=False)
        for row in pending:
            pipeline.xrange(evidence.STREAM, row["message_id"], row["message_id"])
        bodies = pipeline.execute() if pending else []
        return {row["message_id"]: body[0][1].get("id") for row, body in zip(pending, bodies) if body}

    def note_owner_loss(self, consumer, at_ms):
        """What is pending for it now is lost by it."""
        held = self.held_by(consumer)
        self.losses.append(OwnerLoss(consumer, at_ms, held))
        return held

    def note_every_owner_lost(self):
        at_ms = wall_ms()
        for worker in self.fleet.workers:
            self.note_owner_loss(self.consumer_of(worker), at_ms)

    def rate_over(self, for_s):
        """Threats finished in a second."""
        before, began = self.stored(), time.monotonic()
        time.sleep(for_s)
        return (self.stored() - before) / (time.monotonic() - began)

    def wait_busy(self, worker, limit_s=1.0):
        """Entries are pending for it; says whether that came true."""
        consumer = self.consumer_of(worker)
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            rows = self.fleet.store.xinfo_consumers(evidence.STREAM, evidence.GROUP)
            if any(row["name"] == consumer and row["pending"] > 0 for row in rows):
                return True
        return False

    def wait_let_go(self):
        """Redis has let the connections of dead workers go: what they asked for right before is still given to them."""

        def let_go():
            reading = sum(row["name"] == "soc-worker-reader" for row in self.fleet.store.client_list())
            return reading <= sum(worker.alive() for worker in self.fleet.workers)

        wait_until(let_go, 10, "Redis lets the connections of dead workers go")

    def kill_worker(self, worker):
        """kill -9; what it held is known afterwards. Returns how many entries that were."""
        consumer = self.consumer_of(worker)
        at_ms = wall_ms()
        worker.kill()
        self.figures.kills += 1
        self.wait_let_go()
        return len(self.note_owner_loss(consumer, at_ms)) if consumer else 0

    def kill_busy_worker(self, worker):
        """Stopped at a point where entries are in its hands, then killed. Returns how many entries that were."""
        self.freeze_busy(worker)
        return self.kill_worker(worker)

    def freeze_busy(self, worker):
        """SIGSTOP with entries pending; returns how many."""
        consumer = self.consumer_of(worker)
        for _ in range(50):
            self.wait_busy(worker, 2)
            worker.send(signals.SIGSTOP)
            if self.held_by(consumer):
                time.sleep(0.3)  # its read may still be waiting in Redis, and be given more
                return len(self.held_by(consumer))
            worker.send(signals.SIGCONT)
        return 0

    # --- the end ---

    def finish(self, limit_s=120):
        """The producers end, all is finished, memory rests, and the auditor speaks."""
        for producer in self.producers:
            producer.end_input()
        wait_until(lambda: all(producer.ended() for producer in self.producers), limit_s, "the producers are done")
        self.wait_idle(limit_s)
        for worker in self.fleet.workers:
            if worker.alive():
                self.figures.fenced += int(worker.metric("soc_fenced_total") or 0)
        collected = self.collect()
        if self.watchers:
            self.wait_heard(collected)
            self.watchers.finish(10)
            collected.watched = self.watchers.heard()
        self.sampler.finish()
        collected.backlog = self.sampler.backlog
        self.judge(Audit(collected), collected)
        self.check_catalogs()
        return self

    def check_catalogs(self):
        """What each API lists is what a reader of the log knows and what the records say, threat by threat."""
        if "catalog" in self.unchecked:
            return
        stored = self.stored()
        for api in self.fleet.apis:
            deadline, known = time.monotonic() + 10 * TIME_SCALE, None
            while known != stored and time.monotonic() < deadline:
                by_status = api.get("/api/stats").json()["by_status"]
                known = by_status["completed"] + by_status["failed"]
        words = catalog_check.differences(self.fleet.store, self.fleet.apis)
        self.claim(not words, "I7", f"{len(words)} differences between catalogs, log and records: {words[:3]}")

    def wait_heard(self, collected):
        """The watchers are at the log's end, or time is up: then the auditor says what is missing."""
        last = collected.rows[-1].id if collected.rows else "0-0"
        deadline = time.monotonic() + 10 * TIME_SCALE
        while time.monotonic() < deadline:
            ends = [next((id_ for word, id_, _ in reversed(heard) if word in ("event", "reset", "initial")), None)
                    for heard in self.watchers.heard().values()]
            if all(id_ == last for id_ in ends):
                return
            time.sleep(0.05)

    def collect(self):
        store = self.fleet.store
        rows = self.saved_rows + evidence.read_rows(store)
        if rows and not self.saved_rows:  # what it is cut to: an API cuts what nobody needs any more
            self.log_from = max(self.log_from, rows[0].id, key=position)
        dead, _ = evidence.read_letters(store)
        completed = {row.threat for row in rows if row.kind == "completed"}
        claims, released = evidence.read_claims(self.fleet.workers + self.gone)
        collected = Evidence(
            answers=[answer for producer in self.producers for answer in producer.answers()],
            rows=rows, dead=dead, outstanding=evidence.read_outstanding(store),
            without_result=evidence.find_without_result(store, completed), indexed=self.stored(),
            history_total=evidence.sum_histories(store), losses=self.losses, claims=claims, released=released + self.queued_again,
            connections_lost=self.connections_lost, faults=self.faults, may_lose=self.may_lose, may_unsay=self.may_unsay, log_from=self.log_from,
            loaded_from_ms=self.loaded_from_ms,
        )
        if "I5" not in self.unchecked and self.baseline:
            collected.memory, collected.surplus = self.wait_rested()
        return collected

    def wait_rested(self):
        deadline = time.monotonic() + self.rest_s
        while True:
            memory, surplus = self.memory_now(), self.surplus_now()
            audit = Audit(Evidence(memory=memory, surplus=surplus))
            if not audit.broken["I5"] or time.monotonic() > deadline:
                return memory, surplus
            time.sleep(0.25)

    def memory_now(self):
        stored, before = self.baseline
        now, grown = self.steady_memory(), self.stored() - self.baseline[0]
        workers = [size for name, size in before.items() if name.startswith("worker")]
        found = []
        for name, size in now.items():
            if name.startswith("api"):
                found.append(Memory(name, before.get(name, 0), size, CATALOG_BYTES, API_SLACK, grown))
            elif name.startswith("worker"):
                found.append(Memory(name, before.get(name) or max(workers), size, 0, WORKER_SLACK, grown))
            else:
                found.append(Memory(name, before.get(name, 0), size, STORED_BYTES, REDIS_SLACK, grown))
        return found

    def surplus_now(self):
        store, surplus = self.fleet.store, []
        length = store.xlen(evidence.STREAM)
        if length > STREAM_LEFT:
            surplus.append(f"{length} entries in the stream")
        consumers = len(store.xinfo_consumers(evidence.STREAM, evidence.GROUP))
        living = sum(worker.alive() for worker in self.fleet.workers)
        if consumers > living + SPARE_CONSUMERS:
            surplus.append(f"{consumers} consumers of {living} workers")
        return surplus

    def judge(self, audit, collected):
        figures = self.figures
        figures.sent = self.told("sent")
        figures.refused, figures.unknown = self.told("refused"), self.told("unknown")
        figures.accepted, figures.completed = len(audit.told), len(audit.completed)
        figures.failed, figures.outstanding = len(collected.dead), len(collected.outstanding)
        figures.lost, figures.excused, figures.double = len(audit.lost), len(audit.excused), audit.double
        figures.redelivered, figures.redelivery_ms, figures.again_ms = audit.redelivered, audit.redelivery_ms, audit.again_ms
        figures.recovery_ms, figures.events, figures.resets = audit.recovery_ms, audit.heard, audit.resets
        for name, words in audit.broken.items():
            if words and name not in self.unchecked:
                self.broken.setdefault(name, []).extend(words)
        odd, abandoned = self.told("odd"), self.told("abandoned")
        if odd or abandoned:
            self.broken.setdefault("I1", []).append(f"{odd} answers of no known kind, {abandoned} orders without an answer")

    def verdict(self, name):
        if name in self.broken:
            return "BROKEN"
        return "-" if name in self.unchecked or (name == "I7" and not self.watchers) else "ok"

    def claim(self, good, invariant, words):
        """What the test itself promises beyond the audit."""
        if not good:
            self.broken.setdefault(invariant, []).append(words)

    def summary(self):
        figures = dataclasses.asdict(self.figures)
        redelivery, recovery, again = (figures.pop(name) for name in ("redelivery_ms", "recovery_ms", "again_ms"))
        figures["lost_again"], figures["again_p99_ms"] = len(again), quantile(again, 0.99)
        figures["redelivery_p50_ms"], figures["redelivery_p99_ms"] = quantile(redelivery, 0.5), quantile(redelivery, 0.99)
        figures["redelivery_samples"] = redelivery
        figures["recovery_ms"] = max(recovery, default=None)
        figures["verdicts"] = {name: self.verdict(name) for name in INVARIANTS}
        figures["broken"] = self.broken
        figures["unchecked"] = self.unchecked
        return figures


class Fault:
    def __init__(self, trial):
        self.trial = trial

    def __enter__(self):
        self.begin_ms = wall_ms()
        return self

    def __exit__(self, kind, value, trace):
        self.trial.faults.append((self.begin_ms, wall_ms()))
