"""Signals that kill the worker that handles them (tests/tools/poison.c), and a supervisor that starts workers again."""

import resource
import signal as signals
import threading
import time

import pytest
import requests

from processes import BUILD, built_with_sanitizers, wait_until
from sample_signals import signal

LIBRARY = BUILD / "unit" / "libpoison.so"
HOWS = ("segv", "loop", "alloc", "kill")
STAGES = ("read", "analyze", "commit")
HANGS_S = 2
STARTS_S = 20
DYING_S = 1  # longer than anybody needs to run out of memory
MEMORY_MAX = 512 << 20

needs_preloading = pytest.mark.skipif(built_with_sanitizers(), reason="a sanitizer's runtime wants to be first")


def poison(how, stage, **changes):
    """The signal that kills in this way at this stage."""
    assert how in HOWS and stage in STAGES
    return signal(customer_id=f"poison-{how}-{stage}", customer_name=f"Poison {how} {stage}", **changes)


def add_worker(fleet, **settings):
    """A worker of the fleet that poison can harm; its memory is bounded so that it alone runs out."""
    worker = fleet.add_worker(LD_PRELOAD=LIBRARY, **settings)
    bound(worker)
    return worker


def bound(worker):
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.prlimit(worker.pid, resource.RLIMIT_CORE, (0, 0))


def has_started(worker):
    return any(line["message"] == "started" for line in worker.logged())


class Supervisor:
    """As an orchestrator does: whoever ended is started again, whoever does not answer its probe is killed first."""

    def __init__(self, workers):
        self.workers = list(workers)
        self.deaths = []  # (monotonic time, worker's name, exit code)
        self._answered = {worker.name: time.monotonic() for worker in self.workers}
        self._starting = set()
        self._stopping, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        assert self._stopped.wait(20)

    def wait_all_well(self, limit_s=30):
        """Everybody answers: whoever was still dying of something has been replaced."""
        now = time.monotonic()
        wait_until(lambda: all(at > now + DYING_S for at in self._answered.values()), limit_s, "all workers live")

    def _run(self):
        with requests.Session() as http:
            http.trust_env = False
            while not self._stopping.wait(0.02):
                for worker in self.workers:
                    self._tend(worker, http)
        self._stopped.set()
        threading.Event().wait()  # what this thread has started dies with it (processes.command)

    def _tend(self, worker, http):
        now = time.monotonic()
        if not worker.alive():
            self.deaths.append((now, worker.name, worker.process.returncode))
            worker.start()
            bound(worker)
            self._answered[worker.name] = time.monotonic()
            self._starting.add(worker.name)
            return
        try:
            http.get(worker.url + "/health", timeout=0.3)
            self._answered[worker.name] = time.monotonic()
            self._starting.discard(worker.name)
        except requests.RequestException:
            if worker.name in self._starting and has_started(worker):
                self._starting.discard(worker.name)  # whoever hangs at its first entry has never answered
                self._answered[worker.name] = now
            if now - self._answered[worker.name] > (STARTS_S if worker.name in self._starting else HANGS_S):
                worker.send(signals.SIGKILL)
                worker.process.wait(20)
