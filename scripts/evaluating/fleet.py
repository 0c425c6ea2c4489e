"""A fleet of its own for one run: scripts/run on free ports, ended with the run."""

import contextlib
import os
import pathlib
import random
import socket
import subprocess
import threading

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY_LINE = "Ctrl-C stops everything."
STOP_LIMIT_S = 30


class NotStarted(Exception):
    """What scripts/run said."""


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
    """The URL of an API with one worker, so that signals are judged in the order in which they are sent."""
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
        yield f"http://127.0.0.1:{port}"
    finally:
        run.terminate()
        run.wait(STOP_LIMIT_S)
