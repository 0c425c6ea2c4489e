"""Load from outside, through the ingress, with the fault tests' producer, watchers and auditor."""

import contextlib
import itertools
import time

import evidence
from auditor import Audit, Evidence
from cluster import POLL_S
from observers import Producer, Watchers
from waiting import wait_until

RATE = 200
WATCHERS = 20
RECOVERY_LIMIT_S = 60
FIXED_NUMBERS = ("--set", "api.hpa.enabled=false,worker.hpa.enabled=false,api.replicaCount=2,worker.replicaCount=2,worker.resources.requests.cpu=100m")

# Each load has keys of its own: one that was seen before is answered with its old id and makes no threat.
numbers = itertools.count(time.time_ns() // 1_000_000)


class Outside:
    """The ingress, as the observers know an API."""

    def __init__(self, cluster):
        self.url = f"http://{cluster.address}"


class Load:
    """A constant rate of signals and some WebSocket clients on one release, and the audit of what became of them."""

    def __init__(self, release, folder, rate, watchers=0, **options):
        self.release, self.folder = release, folder
        self.outside = Outside(release.cluster)
        self.options = {"rate": rate, "connections": 16, **options}
        self.completed_before = release.backlog()["completed"]
        self.may_unsay = []  # as Evidence has it
        self.producer = None
        self.watching = watchers
        self.watchers = Watchers(folder, [self.outside] * watchers) if watchers else None

    def __enter__(self):
        if self.watchers:
            self.watchers.wait_following(self.watching)
        self.producer = Producer(next(numbers), self.folder, [self.outside], **self.options)
        return self

    def __exit__(self, *_):
        for helper in filter(None, (self.producer, self.watchers)):
            helper.abandon()

    @property
    def told(self):
        return self.producer.told

    def flow(self, for_s):
        """Lets it run so long that what is accepted could only have been then."""
        end = time.monotonic() + for_s
        wait_until(lambda: time.monotonic() > end, for_s + 1, "the load has run", POLL_S)

    def wait_recovered(self, limit_s=120, signals=200):
        """Seconds until so many signals more are accepted and completed."""
        started = time.monotonic()
        accepted = self.told["accepted"]
        self.producer.wait_accepted(accepted + signals, limit_s)
        wait_until(lambda: self.completed() - self.completed_before >= accepted + signals, limit_s, "threats are completed again", POLL_S)
        return time.monotonic() - started

    def completed(self):
        with contextlib.suppress(Exception):
            return self.release.backlog()["completed"]
        return 0

    def finish(self, pod="soc-redis-0", limit_s=120):
        """The load ends, all is worked off; (the audit, what the producer was told)."""
        self.producer.finish(limit_s)
        self.release.wait_idle(limit_s)
        with self.release.store(pod) as store:
            if self.watchers:
                last = evidence.read_rows(store)[-1].id
                wait_until(lambda: self.have_heard(last), 60, "every watcher has heard the last event", POLL_S)
                self.watchers.finish(30)
            rows = evidence.read_rows(store)
            completed = [row.threat for row in rows if row.kind == "completed"]
            dead, _ = evidence.read_letters(store)
            found = Evidence(
                answers=self.producer.answers(), rows=rows, dead=dead, outstanding=evidence.read_outstanding(store),
                without_result=evidence.find_without_result(store, completed), indexed=store.zcard("threats:by_created"),
                history_total=evidence.sum_histories(store), watched=self.watchers.heard() if self.watchers else {},
                log_from=rows[0].id,  # an API cuts what nobody needs any more
                may_unsay=self.may_unsay,
            )
        return Audit(found), self.told

    def have_heard(self, last):
        heard = self.watchers.heard().values()
        return all(any(id_ == last or word == "reset" for word, id_, _ in events[-50:]) for events in heard)


def complaints(audit):
    """Of what a cluster shows: nothing lost, nothing double, no hole."""
    return {name: audit.broken[name] for name in ("I1", "I2", "I7") if audit.broken[name]}


def longest_gap_s(times_ms):
    times = sorted(times_ms)
    return max((after - before for before, after in zip(times, times[1:])), default=0) / 1000


def summary(audit, told):
    """The longest gaps are what clients and analysts notice of a fault."""
    accepting = longest_gap_s(answer.at_ms for answer in audit.evidence.answers if answer.status == 202)
    since = min((answer.at_ms for answer in audit.evidence.answers), default=0)
    finishing = longest_gap_s(row.at_ms for row in audit.evidence.rows if row.kind == "completed" and row.at_ms >= since)
    return (
        f"{told['sent']} sent, {told['accepted']} accepted, {told['refused']} refused, {told['unknown']} unknown, "
        f"{len(audit.completed)} completed, {len(audit.lost)} lost, {audit.double} double, {audit.heard} events heard, {audit.resets} resets; "
        f"longest time without a 202 {accepting:.1f} s, without a result {finishing:.1f} s"
    )
