"""The auditor: from what the producers were told and what Redis, the workers' logs, the samples and the watchers show
it says which invariants were broken. It touches nothing: evidence.py gathers.

I1 no loss      every id answered 202 is in exactly one of: result, dead letter, outstanding; a key has one id
I2 one effect   one stored result, one `completed` row, one count in the histories for an id
I3 bounded work nothing is taken from an owner that was not lost, and no more than it held
I4 true backlog /api/backlog lies between the truths before and after it, or is flagged and not below them
I5 bounded memory  programs and Redis are back at their baseline, but for what a stored threat costs
I6 liveness     at least 90 % of the rate before the fault, or nothing left to do, within 10 s of the fault's end
I7 no silent hole  a watcher hears every event in order, or is told to start over, at most TOLD_WITHIN_MS late
"""

import bisect
import collections
import dataclasses

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7")
RELEASED = "__released"
WINDOW_MS = 500
LIVELY_WITHIN_MS = 10_000
LIVELY_SHARE = 0.9
TOLD_WITHIN_MS = 5000  # an API looks every two seconds whether the log is still the one it read
EXAMPLES = 3
MIB = 1024 * 1024
EVENT_KINDS = {"created", "completed", "failed", "updated"}
TYPE_OF_KIND = {"created": "threat_created", "completed": "new_threat", "failed": "threat_updated", "updated": "threat_updated"}


@dataclasses.dataclass
class Answer:
    at_ms: int
    producer: int
    number: int
    attempt: int
    status: int
    ids: list


@dataclasses.dataclass
class Row:
    id: str  # of the row: MS-SEQUENCE
    kind: str
    threat: str
    again: bool = False

    @property
    def at_ms(self):
        return int(self.id.split("-")[0])


@dataclasses.dataclass
class OwnerLoss:
    consumer: str
    at_ms: int
    held: dict  # entry → threat id, what was pending for it then


@dataclasses.dataclass
class BacklogSample:
    """One GET /api/backlog between two atomic readings of Redis: (entries ever added, entries finished)."""

    api: str
    before: tuple
    after: tuple
    outstanding: int
    exact: bool


@dataclasses.dataclass
class Memory:
    """Bytes of one program or of Redis: at rest before the fault and after it; `grown_for` threats came between."""

    name: str
    baseline: int
    least_after: int
    each_threat: int  # what one stored threat may cost it
    slack: int
    grown_for: int = 0


@dataclasses.dataclass
class Evidence:
    answers: list = dataclasses.field(default_factory=list)
    rows: list = dataclasses.field(default_factory=list)
    dead: set = dataclasses.field(default_factory=set)
    outstanding: set = dataclasses.field(default_factory=set)
    without_result: set = dataclasses.field(default_factory=set)  # completed ids whose record has no analysis
    indexed: int = 0  # threats:by_created
    history_total: int = 0
    losses: list = dataclasses.field(default_factory=list)
    claims: dict = dataclasses.field(default_factory=dict)  # owner → entries taken from it
    released: int = 0
    connections_lost: bool = False  # then workers may take again what was pending for themselves
    backlog: list = dataclasses.field(default_factory=list)
    memory: list = dataclasses.field(default_factory=list)
    surplus: list = dataclasses.field(default_factory=list)  # words on what Redis keeps too much of
    faults: list = dataclasses.field(default_factory=list)  # (begin ms, end ms)
    watched: dict = dataclasses.field(default_factory=dict)  # watcher → [(word, id, type)]
    may_unsay: list = dataclasses.field(default_factory=list)  # (from ms, until ms): rows of the log that a failover may take back
    may_lose: list = dataclasses.field(default_factory=list)  # (from ms, until ms): a 202 in it was told to be in memory only
    loaded_from_ms: int = None  # the rate before the fault is measured from here; None: from the first signal
    log_from: str = "0-0"  # the log was flushed or rolled back: nothing before is known


def finding(count, what, some):
    shown = ", ".join(str(one) for one in list(some)[:EXAMPLES])
    return f"{count} {what}" + (f" ({shown}{' …' if count > EXAMPLES else ''})" if shown else "")


def is_within(at_ms, windows):
    return any(begin <= at_ms <= end for begin, end in windows)


def position(id_):
    ms, _, sequence = id_.partition("-")
    return int(ms), int(sequence or 0)


class Audit:
    def __init__(self, evidence):
        self.evidence = evidence
        self.broken = {name: [] for name in INVARIANTS}
        self.completed = collections.Counter(row.threat for row in evidence.rows if row.kind == "completed")
        self.told = {}  # id → first time it was answered
        for answer in evidence.answers:
            if answer.status == 202:
                for id_ in answer.ids:
                    self.told.setdefault(id_, answer.at_ms)
        self.lost, self.excused = [], []
        self.recovery_ms = []
        for check in (self.losses, self.effects, self.work, self.backlog, self.memory, self.liveness, self.watchers):
            check()

    def complain(self, invariant, count, what, some=()):
        if count:
            self.broken[invariant].append(finding(count, what, some))

    # --- I1 ---

    def losses(self):
        evidence = self.evidence
        places = (self.completed.keys(), evidence.dead, evidence.outstanding)
        for id_, at_ms in self.told.items():
            if any(id_ in place for place in places):
                continue
            excused = is_within(at_ms, evidence.may_lose)
            (self.excused if excused else self.lost).append(id_)
        self.complain("I1", len(self.lost), "ids answered 202 are nowhere", self.lost)
        two = [id_ for id_ in self.told if sum(id_ in place for place in places) > 1]
        self.complain("I1", len(two), "ids are in two places", two)
        by_key = collections.defaultdict(set)
        for answer in evidence.answers:
            if answer.status == 202 and len(answer.ids) == 1:
                by_key[answer.producer, answer.number].update(answer.ids)
        forked = [ids for ids in by_key.values() if len(ids) > 1 and not all(id_ in self.excused for id_ in list(ids)[:-1])]
        self.complain("I1", len(forked), "keys got more than one id", forked)

    # --- I2 ---

    def effects(self):
        evidence = self.evidence
        twice = [id_ for id_, count in self.completed.items() if count > 1]
        self.double = len(twice)
        self.complain("I2", len(twice), "ids have more than one completed row", twice)
        self.complain("I2", len(evidence.without_result), "completed ids have no result", evidence.without_result)
        threats = {row.threat for row in evidence.rows}  # a letter may carry the id of what never was a threat
        finished = len(self.completed.keys() | (evidence.dead & threats))
        if evidence.indexed != finished:
            self.complain("I2", 1, f"index: {evidence.indexed} threats, finished are {finished}")
        if evidence.history_total != len(self.completed):
            self.complain("I2", 1, f"histories count {evidence.history_total} threats, completed are {len(self.completed)}")

    # --- I3 ---

    def work(self):
        evidence = self.evidence
        held = collections.Counter()
        for loss in evidence.losses:
            held[loss.consumer] += len(loss.held)
        self.redelivered = 0
        for owner, count in evidence.claims.items():
            if owner == RELEASED:
                self.complain("I3", max(0, count - evidence.released), "entries were taken that nobody handed back")
            elif owner.startswith("own:"):
                self.complain("I3", 0 if evidence.connections_lost else count, "entries were taken again by their owner", [owner])
            elif owner not in held:
                self.complain("I3", count, "entries were taken from a worker that was not lost", [owner])
            elif count > held[owner]:
                self.complain("I3", count - held[owner], f"entries more than it held were taken from {owner}")
            self.redelivered += count if owner != RELEASED else 0
        self.redelivery_ms, self.again_ms = self.measure_redelivery()

    def measure_redelivery(self):
        """From each loss to the threat's completion, or to its next loss: then another worker had it. Apart: losses of
        threats that were lost before, which go alone, one in the fleet at a time."""
        ends, lost = collections.defaultdict(list), set()
        for row in self.evidence.rows:
            if row.kind == "completed":
                ends[row.threat].append(row.at_ms)
        losses = sorted(self.evidence.losses, key=lambda loss: loss.at_ms)
        for loss in losses:
            for id_ in loss.held.values():
                ends[id_].append(loss.at_ms)
        first, again = [], []
        for loss in losses:
            for id_ in loss.held.values():
                later = [at_ms for at_ms in ends[id_] if at_ms > loss.at_ms]
                (again if id_ in lost else first).extend([min(later) - loss.at_ms] if later else [])
            lost.update(loss.held.values())
        return sorted(first), sorted(again)

    # --- I4 ---

    def backlog(self):
        low, high = [], []
        for sample in self.evidence.backlog:
            least = sample.before[0] - sample.after[1]
            most = sample.after[0] - sample.before[1]
            words = f"{sample.api}: {sample.outstanding}, truth {least} to {most}"
            if sample.outstanding < least:
                low.append(words)
            elif sample.exact and sample.outstanding > most:
                high.append(words)
        self.complain("I4", len(low), "samples are below the truth", low)
        self.complain("I4", len(high), "samples said to be exact are above the truth", high)

    # --- I5 ---

    def memory(self):
        for one in self.evidence.memory:
            allowed = one.baseline * 1.05 + one.slack + one.each_threat * one.grown_for
            if one.least_after > allowed:
                words = f"{one.name} has {one.least_after / MIB:.1f} MiB, {one.baseline / MIB:.1f} before, {allowed / MIB:.1f} allowed"
                self.complain("I5", 1, words)
        self.complain("I5", len(self.evidence.surplus), "things are left over", self.evidence.surplus)

    # --- I6 ---

    def liveness(self):
        known = self.completed.keys() | self.evidence.dead | self.evidence.outstanding
        created = sorted(row.at_ms for row in self.evidence.rows if row.kind == "created" and row.threat in known)
        finished = sorted(row.at_ms for row in self.evidence.rows if row.kind in ("completed", "failed"))
        if not self.evidence.faults or not created:
            return
        first = self.evidence.faults[0][0]
        begin = created[0] if self.evidence.loaded_from_ms is None else self.evidence.loaded_from_ms
        before = bisect.bisect_left(finished, first) - bisect.bisect_left(finished, begin)
        rate = before / max(first - begin, 1)  # in each ms
        late = []
        for _, end in self.evidence.faults:
            took = self.until_lively(end, rate, created, finished)
            self.recovery_ms.append(took)
            if took > LIVELY_WITHIN_MS:
                late.append(f"{took / 1000:.1f} s")
        self.complain("I6", len(late), "faults were not recovered from in time", late)

    @staticmethod
    def until_lively(end, rate, created, finished):
        last = finished[-1] if finished else end
        for begin in range(end, max(last, end) + 2 * WINDOW_MS, 50):
            done = bisect.bisect_left(finished, begin + WINDOW_MS) - bisect.bisect_left(finished, begin)
            waiting = bisect.bisect_left(created, begin + WINDOW_MS) - bisect.bisect_left(finished, begin + WINDOW_MS)
            if done >= max(LIVELY_SHARE * rate * WINDOW_MS, 1) or waiting <= max(16, rate * 100):
                return begin - end
        return 1 << 30

    # --- I7 ---

    def watchers(self):
        log = [row for row in self.evidence.rows if row.kind in EVENT_KINDS and not row.again]
        places = {row.id: i for i, row in enumerate(log)}
        order = [position(row.id) for row in log]
        self.resets = self.heard = 0
        for watcher, heard in self.evidence.watched.items():
            self.follow(watcher, heard, log, places, order)

    def follow(self, watcher, heard, log, places, order):
        floor = position(self.evidence.log_from)
        at, ended, holes, backwards, strange, unsaid = None, False, [], [], [], []
        for word, id_, kind in heard:
            if word in ("initial", "reset"):
                if word == "reset":
                    self.resets += 1
                    holes = [hole for hole in holes if position(id_)[0] - hole[0] > TOLD_WITHIN_MS]
                    unsaid = []
                if at is None or word == "reset":
                    at = position(id_)
            elif word == "position" and at is not None and position(id_) > at:
                here = position(id_)
                missed = bisect.bisect_right(order, here) - bisect.bisect_right(order, max(at, floor)) if here >= floor else 0
                if missed > 0:
                    holes.append((here[0], f"{missed} before position {id_}"))
                at = here
            elif word == "event" and at is not None:
                self.heard += 1
                here = position(id_)
                if here <= at:
                    backwards.append(id_)
                    continue
                if here >= floor and id_ not in places:
                    excused = is_within(here[0], self.evidence.may_lose + self.evidence.may_unsay)
                    (unsaid if excused else strange).append(id_)
                elif here >= floor:
                    row = log[places[id_]]
                    missed = places[id_] - bisect.bisect_right(order, max(at, floor))
                    if missed > 0:
                        holes.append((here[0], f"{missed} before {id_}"))
                    if TYPE_OF_KIND[row.kind] != kind:
                        strange.append(f"{id_} {kind}")
                at = here
            ended = word == "closed"
        self.complain("I7", len(holes), f"holes for watcher {watcher}", [words for _, words in holes])
        self.complain("I7", len(backwards), f"events out of order for watcher {watcher}", backwards)
        self.complain("I7", len(strange), f"events that the log does not have for watcher {watcher}", strange)
        self.complain("I7", len(unsaid), f"events were taken back and watcher {watcher} not told to start over", unsaid)
        if at is not None and not ended:
            missed = len(order) - bisect.bisect_right(order, max(at, floor))
            self.complain("I7", missed, f"last events never came to watcher {watcher}")


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else None
