"""Sends many signals: a few threads, each with a connection of its own, at a rate or as fast as answers come."""

import json
import queue
import threading
import time

from .client import Unreachable

THREADS_UNPACED = 16
THREADS_MAX = 64
POLL_EVERY_S = 0.01


class Sender:
    def __init__(self, client, options, tally, on_analysis):
        self.client = client
        self.options = options
        self.tally = tally
        self.on_analysis = on_analysis
        self.failure = None
        self.jobs = queue.Queue(maxsize=4 * THREADS_MAX)

    def run(self, groups):
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._thread_count())]
        for thread in threads:
            thread.start()
        try:
            self._pace(groups)
        finally:
            for _ in threads:
                self.jobs.put(None)
        for thread in threads:
            thread.join()
        if self.failure:
            raise self.failure

    def _thread_count(self):
        if self.options.rate is None:
            return 4 if self.options.batch else THREADS_UNPACED
        return min(THREADS_MAX, 4 + int(self.options.rate / 20))

    def _pace(self, groups):
        started = time.monotonic()
        sent = 0
        for first, group in groups:
            if self.options.rate is not None:
                ahead_s = started + sent / self.options.rate - time.monotonic()
                if ahead_s > 0:
                    time.sleep(ahead_s)
            if self.failure:
                return
            self.jobs.put((first, group))
            sent += len(group)

    def _work(self):
        send = self._send_batch if self.options.batch else self._send_single
        while (job := self.jobs.get()) is not None:
            if self.failure:
                continue
            try:
                send(*job)
            except Unreachable as error:
                self.failure = error

    def _send_single(self, index, group):
        started = time.monotonic()
        self.tally.add_sent()
        answer = self.client.post("/api/threats", group[0], prefer_wait=self.options.wait)
        if answer.status in (200, 202):
            self.tally.add_accepted()
            self._finish(answer.body, started)
        else:
            self.tally.add_rejected(index, answer.status, answer.problem_text())

    def _send_batch(self, first, group):
        started = time.monotonic()
        self.tally.add_sent(len(group))
        lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in group]
        answer = self.client.post("/api/threats/batch", b"\n".join(lines), content_type="application/x-ndjson")
        if not isinstance(answer.body, dict) or "ids" not in answer.body:
            self.tally.add_rejected(first, answer.status, answer.problem_text(), count=len(group))
            return
        for row in answer.body["errors"]:
            faults = "; ".join(f"{fault['pointer']} {fault['detail']}" for fault in row["errors"])
            self.tally.add_rejected(first + row["index"], 422, faults)
        self.tally.add_accepted(len(answer.body["ids"]))
        for threat_id in answer.body["ids"]:
            self._finish({"id": threat_id, "status": "pending"}, started)

    def _finish(self, threat, started):
        """Waits until the analysis is visible, if the answer was not it already."""
        deadline = time.monotonic() + self.options.wait
        while threat.get("status") in ("pending", "analyzing") and time.monotonic() < deadline:
            answer = self.client.get("/api/threats/" + threat["id"])
            if answer.status == 200:
                threat = answer.body
            if threat.get("status") in ("pending", "analyzing"):
                time.sleep(POLL_EVERY_S)
        if threat.get("status") == "completed":
            self.tally.add_completed(threat, (time.monotonic() - started) * 1000)
            if self.on_analysis:
                self.on_analysis(threat)


def groups_of(signals, size):
    """Yields (index of the first, signals)."""
    group, first = [], 0
    for signal in signals:
        group.append(signal)
        if len(group) == size:
            yield first, group
            first, group = first + size, []
    if group:
        yield first, group


def send(client, signals, options, tally, on_analysis=None):
    Sender(client, options, tally, on_analysis).run(groups_of(signals, options.batch or 1))
