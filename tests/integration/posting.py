"""Posters that remember what they were promised, and the check that it was kept."""

import threading
import time

import requests

from sample_signals import varied


class Poster(threading.Thread):
    """Posts until told to stop, each signal with an Idempotency-Key and again until it is answered with 202."""

    def __init__(self, api, name):
        super().__init__()
        self.url = api.url + "/api/threats"
        self.prefix = name
        self.taken = []  # (when, id), monotonic
        self.refused = []
        self.odd = []
        self.enough = threading.Event()

    def run(self):
        session = requests.Session()
        session.trust_env = False
        number = 0
        while not self.enough.is_set():
            for row in varied(20, self.prefix):
                if self.enough.is_set():
                    return
                number += 1
                self.post(session, row, f"{self.prefix}-{number}")

    def post(self, session, row, key):
        while True:
            answer = session.post(self.url, json=row, headers={"Idempotency-Key": key}, timeout=40)
            if answer.status_code == 202:
                self.taken.append((time.monotonic(), answer.json()["id"]))
                return
            if answer.status_code != 503 or "Retry-After" not in answer.headers:
                self.odd.append(answer.text)
                return
            self.refused.append(answer.json())
            if self.enough.wait(0.05):
                return

    def finish(self):
        self.enough.set()
        self.join(60)
        assert not self.is_alive()


def assert_completed_once(fleet, posters):
    """Every 202 has its record and exactly one `completed` row in the log."""
    taken = [id_ for poster in posters for _, id_ in poster.taken]
    assert [odd for poster in posters for odd in poster.odd] == []
    assert len(taken) == len(set(taken)), "one id for each key"
    completed = [fields["id"] for _, fields in fleet.store.xrange("threats:log") if fields["kind"] == "completed"]
    assert len(completed) == len(set(completed)), "each is completed once"
    assert set(taken) <= set(completed), "every 202 is completed"
    pipeline = fleet.store.pipeline(transaction=False)
    for id_ in taken:
        pipeline.hexists(f"threat:{id_}", "data")
    assert all(pipeline.execute()), "every 202 has its record"
