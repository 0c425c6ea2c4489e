"""A private fleet for tests: a Redis of its own and any number of soc-api and soc-worker processes in a temporary
folder. Leaving it fails the test when a program that was not killed on purpose ended badly, or when a sanitizer
has spoken."""

import pathlib
import shutil
import signal as signals
import subprocess
import tempfile

from processes import STOP_LIMIT_S, Program, RedisServer, free_port, wait_until


class Fleet:
    def __init__(self, apis=1, workers=1, over_tcp=False, redis_up=True, redis_options=(), **settings):
        """`settings` are environment variables for every program."""
        self.keep = False  # the folder, for a look at it afterwards
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="soc-test-"))
        self.redis = RedisServer(self.folder)
        self.redis.options = redis_options
        self.redis_url = self.redis.tcp_url if over_tcp else self.redis.unix_url
        self.settings = {name: str(value) for name, value in settings.items()}
        self.apis = []
        self.workers = []
        self._counts = (apis, workers)
        self._redis_up = redis_up

    def __enter__(self):
        try:
            if self._redis_up:
                self.redis.start()
            for _ in range(self._counts[0]):
                self.add_api()
            for _ in range(self._counts[1]):
                self.add_worker()
            for program in self.programs:
                (program.wait_ready if self._redis_up else program.wait_answering)()
        except BaseException:
            self.abandon()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.stop()
        else:
            for program in self.programs:
                if not program.alive():
                    print(program.tail())
            self.abandon()

    @property
    def programs(self):
        return self.apis + self.workers

    @property
    def api(self):
        return self.apis[0]

    @property
    def store(self):
        """The Redis client of the test."""
        return self.redis.client

    def connect(self):
        """A Redis client beside that of the test, for a thread of its own."""
        return self.redis.connect()

    def add_api(self, **settings):
        port = free_port()
        environment = self._environment(settings, SOC_HTTP_HOST="127.0.0.1", SOC_HTTP_PORT=port)
        self.apis.append(Program("soc-api", f"api{len(self.apis)}", self.folder, port, environment).start())
        return self.apis[-1]

    def add_worker(self, **settings):
        port = free_port()
        environment = self._environment(settings, SOC_ADMIN_HOST="127.0.0.1", SOC_ADMIN_PORT=port)
        self.workers.append(Program("soc-worker", f"worker{len(self.workers)}", self.folder, port, environment).start())
        return self.workers[-1]

    def _environment(self, settings, **own):
        merged = {"REDIS_URL": self.redis_url, "LOG_LEVEL": "info", **self.settings, **settings, **own}
        return {name: str(value) for name, value in merged.items()}

    def wait_completed(self, count, limit_s=30):
        wait_until(lambda: self.store.zcard("threats:by_created") >= count, limit_s, f"{count} threats are completed")

    def wait_idle(self, limit_s=30):
        wait_until(self.redis.idle, limit_s, "nothing is queued or pending")

    def stop(self):
        """SIGTERM to all; then everything must have ended well."""
        late = []
        for program in self.programs:
            if program.alive():
                program.send(signals.SIGCONT)
                program.send(signals.SIGTERM)
        for program in self.programs:
            try:
                program.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                late.append(f"{program.name} did not end within {STOP_LIMIT_S} s after SIGTERM")
        complaints = late or [words for program in self.programs for words in program.complaints()]
        tails = "".join(program.tail() for program in self.programs if program.complaints()) if complaints else ""
        self.abandon()
        assert not complaints, "\n".join(complaints) + "\n" + tails

    def abandon(self):
        for process in [*self.programs, self.redis]:
            if process.alive():
                process.send(signals.SIGKILL)
                process.process.wait(STOP_LIMIT_S)
        self.redis.client.close()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
