"""A fleet of its own for one run: scripts/run on free ports, ended with the run."""

import contextlib
import os
import pathlib
import random
import re
import socket
import subprocess
import threading
import time

from sending import context
from sending.client import Client

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_LINE = "Ctrl-C stops everything."
STOP_LIMIT_S = 30
CONTEXT_LIMIT_S = 30
POLL_S = 0.05
CUSTOMERS_PER_PAGE = 1000


class NotStarted(Exception):
    """What scripts/run said."""


class Fleet:
    def __init__(self, url, worker_url):
        self.client = Client(url)
        self._worker = Client(worker_url)

    def load(self, document):
        context.load(self.client, document)

    def _counts(self):
        """What the API has stored, by the worker's names; a page of customers at most."""
        customers = self.client.get(f"/api/customers?limit={CUSTOMERS_PER_PAGE}").body
        lists = self.client.get("/api/intel/indicators").body
        return {
            "customers": len(customers),
            "infra_events": len(self.client.get("/api/infra-events").body),
            "intel_lists": len(lists),
            "intel_entries": sum(row["entries"] for row in lists),
        }

    def wait_for_context(self):
        """Until the worker uses all that was loaded: it follows within a second or so."""
        wanted = self._counts()
        deadline = time.monotonic() + CONTEXT_LIMIT_S
        while time.monotonic() < deadline:
            text = self._worker.get("/metrics").content.decode()
            known = dict(re.findall(r'^soc_context_records\{kind="(\w+)"\} (\S+)', text, re.MULTILINE))
            if all(float(known.get(kind, 0)) >= count for kind, count in wanted.items()):
                return
            time.sleep(POLL_S)
        raise NotStarted(f"the worker did not take the context over within {CONTEXT_LIMIT_S} s")


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """One whose worker's admin port, 1,000 above, is free too."""
    while True:
        port = random.randrange(15000, 30000)
        if is_free(port) and is_free(port + 1000):
            return port


@contextlib.contextmanager
def fleet():
    """One API with one worker, so that signals are judged in the order in which they are sent."""
    port = free_port()
    words = [REPOSITORY / "scripts" / "run", "--empty", "--apis", "1", "--workers", "1", "--port", str(port)]
    run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    said = []
    try:
        for line in run.stdout:
            said.append(line)
            if READY_LINE in line:
                break
        else:
            raise NotStarted("".join(said[-5:]).strip())
        threading.Thread(target=run.stdout.read, daemon=True).start()
        yield Fleet(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1000}")
    finally:
        run.terminate()
        run.wait(STOP_LIMIT_S)
