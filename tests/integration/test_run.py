"""scripts/run as a newcomer would use it: up with one command, gone with one signal."""

import os
import pathlib
import re
import signal as signals
import socket
import subprocess
import threading

import pytest
import requests

from processes import BUILD, free_port, wait_until

RUN = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "run"


def two_free_ports():
    """A port whose successor is free as well."""
    while True:
        port = free_port()
        try:
            for offset in (1, 1000, 1001):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
        except (OSError, OverflowError):
            continue


class Run:
    """The script with what it prints, read as it comes."""

    def __init__(self, *options):
        self.port = two_free_ports()
        self.lines = []
        self.process = subprocess.Popen(
            [RUN, "--port", str(self.port), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "SOC_BUILD_DIR": str(BUILD)},
            # A shell ignores for good what was ignored when it began, as SIGINT is behind an &.
            preexec_fn=lambda: signals.signal(signals.SIGINT, signals.SIG_DFL),
        )
        self.reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")), daemon=True)
        self.reader.start()

    def __enter__(self):
        wait_until(lambda: "Ctrl-C" in self.text() or self.process.poll() is not None, 60, "the fleet is up")
        assert self.process.poll() is None, self.text()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)
        self.reader.join(10)

    def text(self):
        return "".join(self.lines)

    def folder(self):
        return pathlib.Path(re.search(r"logs +(\S+)", self.text())[1])


def children_of(folder):
    """Processes that have the run's folder in their environment or arguments."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in said and b"pytest" not in said:
                found.append(entry.name)
    return found


@pytest.mark.parametrize("signal", [signals.SIGINT, signals.SIGTERM])
def test_a_first_threat_is_shown_and_all_ends_with_a_signal(signal):
    with Run() as run:
        assert re.search(r"(?i)bot_traffic", run.text()) and re.search(r"(?i)severity|risk", run.text())
        for offset in (0, 1):
            assert requests.get(f"http://127.0.0.1:{run.port + offset}/api/stats", timeout=5).json()["total"] == 1
        for path in ("customers", "infra-events", "intel/indicators"):
            assert len(requests.get(f"http://127.0.0.1:{run.port}/api/{path}", timeout=5).json()) >= 5, path
        (first,) = requests.get(f"http://127.0.0.1:{run.port}/api/threats", timeout=5).json()
        facts = first["facts"]
        assert "known" not in facts["customer"] and facts["intel_lists"] == 6, "it is judged against the demonstration context"
        folder = run.folder()
        assert len(children_of(folder)) == 5, "a Redis, two APIs and two workers"
        run.process.send_signal(signal)
        assert run.process.wait(30) == 0
        assert not folder.exists() and children_of(folder) == []


def test_empty_sends_nothing_and_counts_are_heeded():
    with Run("--empty", "--apis", "1", "--workers", "3") as run:
        assert requests.get(f"http://127.0.0.1:{run.port}/api/stats", timeout=5).json()["total"] == 0
        for path in ("customers", "infra-events", "intel/indicators"):
            assert requests.get(f"http://127.0.0.1:{run.port}/api/{path}", timeout=5).json() == [], path
        consumers = wait_until(
            lambda: len(requests.get(f"http://127.0.0.1:{run.port}/api/backlog", timeout=5).json()["consumers"]) in (0, 3), 10
        )
        assert consumers and len(children_of(run.folder())) == 5


def test_it_says_when_a_program_dies():
    with Run("--empty") as run:
        victim = next(pid for pid in children_of(run.folder()) if b"soc-worker" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        os.kill(int(victim), signals.SIGKILL)
        assert run.process.wait(30) == 1
        run.reader.join(10)
        assert "ended by itself" in run.text()


@pytest.mark.parametrize("options", [["--apis", "0"], ["--workers", "x"], ["--port"], ["--nonsense"], ["--port", "65535"]])
def test_a_wrong_option_is_told(options):
    answer = subprocess.run([RUN, *options], capture_output=True, text=True, timeout=30)
    assert answer.returncode == 2 and answer.stderr.startswith("run: ")
