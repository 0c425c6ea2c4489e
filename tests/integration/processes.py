"""One process of a test's fleet: a redis-server, a soc-api or a soc-worker. Everything listens on 127.0.0.1 and
ends by process id."""

import json
import os
import pathlib
import random
import shutil
import signal as signals
import socket
import subprocess

import redis
import requests

from waiting import wait_until

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SOC_BUILD_DIR", REPOSITORY / "build")).resolve()
START_LIMIT_S = 20
STOP_LIMIT_S = 20
SANITIZER_WORDS = (
    "ERROR: AddressSanitizer",
    "ERROR: LeakSanitizer",
    "runtime error:",
    "SUMMARY: UndefinedBehaviorSanitizer",
    "WARNING: ThreadSanitizer",
)


def built_with_sanitizers():
    try:
        return b"__asan_init" in (BUILD / "soc-api").read_bytes()
    except OSError:
        return False


TIME_SCALE = 4 if built_with_sanitizers() else 1  # for limits that are promises of time

_ports_given = set()


def free_port():
    """Below the range of outgoing connections, and never the same twice, nor one of another pytest-xdist worker:
    soc-api shares ports on purpose."""
    count, mine = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)), int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    while True:
        port = random.randrange(15000 + mine, 32000, count)
        if port in _ports_given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _ports_given.add(port)
        return port


def command(*words):
    """The child ends when the test run is killed."""
    guard = shutil.which("setpriv")
    return ([guard, "--pdeathsig", "KILL"] if guard else []) + [str(word) for word in words]


class Process:
    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.process = None
        self.killed = False
        self.starts = 0
        self.wrap = ()  # words before the command, such as ip netns exec NAME

    def spawn(self, words, environment=None):
        self.starts += 1
        self.killed = False
        self.stdout_path = self.folder / f"{self.name}.{self.starts}.out"
        self.stderr_path = self.folder / f"{self.name}.{self.starts}.err"
        with open(self.stdout_path, "wb") as out, open(self.stderr_path, "wb") as err:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, cwd=self.folder
            )

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As kill -9 does."""
        self.killed = True
        self.send(signals.SIGKILL)
        self.process.wait(STOP_LIMIT_S)

    def terminate(self, limit_s=STOP_LIMIT_S):
        """SIGTERM; returns the exit code."""
        if self.alive():
            self.send(signals.SIGTERM)
        return self.process.wait(limit_s)

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def tail(self):
        out = self.stdout_path.read_text(errors="replace")[-2000:]
        end = "" if self.process.returncode is None else f" (ended with {self.process.returncode})"
        return f"--- {self.name}{end} stdout\n{out}\n--- {self.name} stderr\n{self.stderr()[-4000:]}"


class SocketConnection(redis.UnixDomainSocketConnection):
    """Debian's redis-py names host and port when a connection breaks while it rests, also of one that has neither."""

    host, port = "the Unix socket", 0


class RedisServer(Process):
    def __init__(self, folder, port=None):
        super().__init__("redis", folder)
        self.port = port or free_port()
        self.options = ()  # after ours, so they win
        self.socket_path = self.folder / "redis.sock"
        self.client = self.connect()

    def connect(self, **options):
        """A client of its own, over the Unix socket."""
        pool = redis.ConnectionPool(
            connection_class=SocketConnection, path=str(self.socket_path), decode_responses=True, encoding_errors="replace",
            socket_timeout=10, **options,
        )
        return redis.Redis(connection_pool=pool)

    @property
    def unix_url(self):
        return f"unix://{self.socket_path}?db=0"

    @property
    def tcp_url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        self.spawn(
            command(
                *(*self.wrap, "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--unixsocket", self.socket_path),
                *("--dir", self.folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", *self.options),
            )
        )
        wait_until(self.answers, START_LIMIT_S, "Redis answers")
        return self

    def answers(self):
        if not self.alive():
            raise AssertionError(self.tail())
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def entries_added(self, stream="threats:stream"):
        """How many entries were ever appended, trimmed ones included."""
        try:
            return self.client.xinfo_stream(stream)["entries-added"]
        except redis.ResponseError:
            return 0

    def group(self):
        return self.client.xinfo_groups("threats:stream")[0]

    def idle(self):
        """Everything that was ever queued is finished."""
        group = self.group()
        return group["lag"] == 0 and group["pending"] == 0


class Program(Process):
    """A soc-api or soc-worker with its HTTP port."""

    def __init__(self, binary, name, folder, port, environment):
        super().__init__(name, folder)
        self.binary = BUILD / binary
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.environment = environment
        self.http = requests.Session()
        self.http.trust_env = False
        if binary == "soc-worker":  # it lets go of a connection that rests for 10 s, be it at the next request
            self.http.headers["Connection"] = "close"

    def start(self):
        assert self.binary.exists(), f"{self.binary} is not built (SOC_BUILD_DIR says where)"
        self.spawn(command(*self.wrap, self.binary), {**os.environ, **self.environment})
        return self

    def wait_answering(self, limit_s=START_LIMIT_S):
        wait_until(lambda: self.status("/health") == 200, limit_s, f"{self.name} answers /health")
        return self

    def wait_ready(self, limit_s=START_LIMIT_S):
        try:
            wait_until(lambda: self.status("/ready") == 200, limit_s, f"{self.name} is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.tail()}") from None
        return self

    def status(self, path):
        if not self.alive():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}\n{self.tail()}")
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return None

    def get(self, path, **options):
        return self.http.get(self.url + path, timeout=40, **options)

    def post(self, path, body=None, **options):
        """`body` as JSON, or as it is when it is bytes (then give headers)."""
        if isinstance(body, bytes):
            options["data"] = body
        elif body is not None:
            options["json"] = body
        return self.http.post(self.url + path, timeout=40, **options)

    def post_signal(self, signal, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post("/api/threats", signal, headers=names)

    def metric(self, name, **labels):
        """The value of one series; None when it is not there."""
        for line in self.get("/metrics").text.splitlines():
            if line.startswith("#") or not line.startswith(name):
                continue
            series, _, value = line.rpartition(" ")
            found, _, rest = series.partition("{")
            if found == name and all(f'{key}="{wanted}"' in rest for key, wanted in labels.items()):
                return float(value)
        return None

    def logged(self):
        """The log's lines, each an object."""
        return [json.loads(line) for line in self.stdout_path.read_text(errors="replace").splitlines() if line]

    def complaints(self):
        found = []
        if not self.killed and self.process.returncode != 0:
            found.append(f"{self.name} ended with {self.process.returncode}")
        for number in range(1, self.starts + 1):
            text = (self.folder / f"{self.name}.{number}.err").read_text(errors="replace")
            found += [f"{self.name}: {word}" for word in SANITIZER_WORDS if word in text]
        return found
