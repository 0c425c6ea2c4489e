"""The fault tests by name, each with its two sizes."""

import dataclasses

import faults_of_redis as redis
import faults_of_workers as workers

REST_S = 60  # full: memory may take that long to be back
SOON_S = 5


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    run: object
    short: dict
    full: dict
    case: str = ""

    @property
    def label(self):
        return f"{self.name} {self.case}".strip()

    @property
    def about(self):
        return self.run.__doc__.strip().split("\n")[0]

    def size(self, short):
        return {"rest_s": SOON_S if short else REST_S, **(self.short if short else {**self.short, **self.full})}


def row(name, run, short, case="", **full):
    return Row(name, run, short, full, case)


ROWS = [
    row("F1", workers.killed_at_random, dict(kills=10, pause_s=0.1, rate=1500, signals=4000, seed=1), kills=1000, signals=150_000),
    row("F2", workers.all_killed, dict(signals=6000), signals=300_000),
    row("F3", workers.stopped_in_turn, dict(rollouts=1, rate=1500), rollouts=34),
    row("F4", workers.frozen_and_thawed, dict(freezes=1, frozen_s=4.5, rate=1000), freezes=5, frozen_s=30),
    row("F5", redis.killed, dict(mode="always", kills=1, rate=1000, between_s=0.5), "always", kills=10, rate=2000, between_s=2),
    row("F5", redis.killed, dict(mode="everysec", kills=1, rate=1000, between_s=0.5), "everysec", kills=10, rate=2000, between_s=2),
    row("F5", redis.killed, dict(mode="none", kills=1, rate=1000, between_s=0.5), "none", kills=5, rate=2000, between_s=2),
    row("F6", redis.emptied, dict(act="flushall", times=1, rate=1000, between_s=1), "FLUSHALL", times=5),
    row("F6", redis.emptied, dict(act="stream", times=1, rate=1000, between_s=1), "DEL stream", times=5),
    row("F6", redis.emptied, dict(act="group", times=1, rate=1000, between_s=1), "XGROUP DESTROY", times=5),
    row("F6", redis.emptied, dict(act="scripts", times=3, rate=1000, between_s=0.3), "SCRIPT FLUSH", times=20),
    row("F6", redis.emptied, dict(act="type", times=1, rate=1000, between_s=1, broken_s=2), "wrong type", times=5),
    row("F12", redis.out_of_memory, dict(signals=5000, rate=500, restarted=False, drain_s=10), "drains", signals=100_000, drain_s=60),
    row("F12", redis.out_of_memory, dict(signals=2000, rate=500, restarted=True, drain_s=10), "new workers", signals=20_000, drain_s=60),
    row("F23", redis.rolled_back, dict(act="cut", times=1, rate=1000), "log cut", times=5),
    row("F23", redis.rolled_back, dict(act="gone", times=1, rate=1000), "log gone", times=5),
    row("F23", redis.rolled_back, dict(act="older", times=1, rate=1000), "restored", times=5),
]
