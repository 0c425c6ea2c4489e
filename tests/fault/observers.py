"""What runs beside a trial: the producer of signals, the WebSocket watchers, and the sampler of backlog and memory."""

import json
import subprocess
import threading
import time

import redis
import requests

from evidence import DEAD, STREAM, TRUTH, read_answers, read_watched
from auditor import BacklogSample
from processes import BUILD, command, wait_until

SAMPLE_EVERY_S = 0.25


def address(program):
    return program.url.removeprefix("http://")


class Helper:
    """A program of ours that ends when its input does."""

    def __init__(self, name, folder, words):
        self.log_path = folder / f"{name}.log"
        self.told_path = folder / f"{name}.told"
        self.log_path.touch()
        binary = BUILD / "bench" / words[0]
        assert binary.exists(), f"{binary} is not built (scripts/build FOLDER -DSOC_BENCH=ON)"
        with open(self.told_path, "wb") as told:
            self.process = subprocess.Popen(
                command(binary, "--log", self.log_path, *words[1:]), stdin=subprocess.PIPE, stdout=told, stderr=subprocess.STDOUT
            )

    def end_input(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()

    def ended(self):
        return self.process.poll() is not None

    def finish(self, limit_s):
        self.end_input()
        assert self.process.wait(limit_s) == 0, self.told_path.read_text()

    def abandon(self):
        if not self.ended():
            self.process.kill()
            self.process.wait()
        self.end_input()


class Producer(Helper):
    def __init__(self, number, folder, apis, **options):
        self.number = number
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        words += [f"--api={address(api)}" for api in apis]
        super().__init__(f"producer{number}", folder, ["produce_signals", f"--key=p{number}", *words])

    @property
    def told(self):
        """Counts so far: sent, accepted, refused, unknown, odd, abandoned."""
        whole = self.told_path.read_text().rpartition("\n")[0]
        if not whole:
            return dict.fromkeys(("sent", "accepted", "refused", "unknown", "odd", "abandoned"), 0)
        last = whole.rpartition("\n")[2]
        try:
            return json.loads(last)
        except ValueError:
            raise AssertionError(f"producer: {whole}") from None

    def wait_accepted(self, count, limit_s=30):
        wait_until(lambda: self.told["accepted"] >= count, limit_s, f"{count} signals are accepted (told: {self.told})")

    def answers(self):
        return read_answers(self.log_path, self.number)


class Watchers(Helper):
    """`each` clients an API; the first of each writes its events down."""

    def __init__(self, folder, apis, each=1):
        self.each = each
        super().__init__("watchers", folder, ["watch_events", f"--each={each}", *(address(api) for api in apis)])

    def heard(self):
        """Of those that write their events."""
        return {number // self.each: heard for number, heard in self.all().items() if number % self.each == 0}

    def all(self):
        return read_watched(self.log_path)

    def wait_following(self, apis, limit_s=30):
        def following():
            return sum(any(word == "initial" for word, _, _ in heard) for heard in self.all().values()) == apis * self.each

        wait_until(following, limit_s, "every watcher follows")

    def came_back(self, api):
        """How many of this API's clients were cut, are back and have asked for what they missed."""
        own = range(api * self.each, (api + 1) * self.each)
        return sum(any(word == "resume" for word, _, _ in heard) for number, heard in self.all().items() if number in own)


class Crowd:
    """Many WebSocket clients that read as fast as they can."""

    def __init__(self, folder, api, count):
        host, _, port = address(api).partition(":")
        words = [BUILD / "bench" / "ws_swarm", "--host", host, "--port", port, "--clients", count]
        self.process = subprocess.Popen(command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)

    def __enter__(self):
        assert b"open" in self.process.stdout.readline(), "the clients could not connect"
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def finish(self):
        """What they received, as counts."""
        told, _ = self.process.communicate(timeout=30)
        return json.loads(told)


class Sampler(threading.Thread):
    """Backlog of every API against the truth, memory of every program and of Redis."""

    def __init__(self, trial):
        super().__init__(daemon=True)
        self.trial = trial
        self.backlog = []
        self.memory = []  # (monotonic s, name → bytes)
        self.paused = False  # the truth is not known: a fault that changes the store itself
        self.enough = threading.Event()
        self.store = trial.fleet.connect()
        self.http = requests.Session()
        self.http.trust_env = False
        self.wrong = []

    def truth(self):
        try:
            return tuple(self.store.eval(TRUTH, 5, STREAM, "threats:by_created", DEAD, "threats:completed", "threats:failed"))
        except redis.RedisError:
            return None

    def sample_backlog(self, api):
        before, paused = self.truth(), self.paused
        try:
            answer = self.http.get(api.url + "/api/backlog", timeout=5)
        except requests.RequestException:
            return
        after = self.truth()
        if answer.status_code == 200 and before and after and before[0] <= after[0] and not (paused or self.paused):
            told = answer.json()
            self.backlog.append(BacklogSample(api.name, before, after, told["outstanding"], told["outstanding_exact"]))

    def sample_memory(self):
        sizes = {}
        for program in self.trial.fleet.programs:
            try:
                with open(f"/proc/{program.pid}/statm", encoding="ascii") as statm:
                    sizes[program.name] = int(statm.read().split()[1]) * 4096
            except (OSError, IndexError, ValueError):
                continue
        try:
            sizes["redis"] = self.store.info("memory")["used_memory"]
        except redis.RedisError:
            pass
        self.memory.append((time.monotonic(), sizes))

    def run(self):
        try:
            while not self.enough.wait(SAMPLE_EVERY_S):
                for api in list(self.trial.fleet.apis):
                    self.sample_backlog(api)
                self.sample_memory()
        except Exception as error:  # shown by the trial: a sampler that ended says nothing
            self.wrong.append(repr(error))

    def finish(self):
        self.enough.set()
        self.join(20)
        self.store.close()
        assert not self.wrong, self.wrong
