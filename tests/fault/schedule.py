"""The fault tests by name, each with its two sizes."""

import dataclasses

import faults_of_workers as workers


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    run: object
    short: dict
    full: dict

    @property
    def about(self):
        return self.run.__doc__.strip().split("\n")[0]


ROWS = [
    Row("F1", workers.killed_at_random,
        dict(kills=10, pause_s=0.1, rate=1500, signals=4000, seed=1, rest_s=5),
        dict(kills=1000, pause_s=0.1, rate=1500, signals=100_000, seed=1, rest_s=60)),
]
