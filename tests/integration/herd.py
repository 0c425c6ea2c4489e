"""A herd of WebSocket clients in a process of its own (tests/bench/ws_herd.c), told what to do line by line."""

import json
import resource
import subprocess

from processes import BUILD, STOP_LIMIT_S, command

SPARE_FILES = 1000


def most_clients(wanted):
    """As many as this process may have open files."""
    return min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - SPARE_FILES)


class Herd:
    def __init__(self, api, clients, **options):
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        program = command(BUILD / "bench" / "ws_herd", "--port", api.port, "--clients", clients, *words)
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.opened = self._answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(STOP_LIMIT_S)
        self.process.stdout.close()

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, "the herd has ended"
        return json.loads(line)

    def _ask(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self._answer()

    def wait(self, events):
        """Until everyone who is not slow or deaf had so many."""
        self._ask(f"wait {events}")

    def cut(self):
        """Resets every connection; returns how long it took until all had come back."""
        return self._ask("cut")

    def tell(self):
        return self._ask("tell")
