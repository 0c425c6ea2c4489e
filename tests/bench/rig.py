"""The processes of a benchmark run: a private Redis, the programs under test, and what /proc and INFO say of them."""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 60
ROLES = {"soc-api": "api", "bare_accept": "api", "soc-worker": "worker", "redis-server": "redis"}
REDIS_OPTIONS = ["--port", "0", "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
                 "--auto-aof-rewrite-percentage", "0", "--daemonize", "no"]


class Failure(Exception):
    """Said to the user as it stands."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Redis:
    """A client that knows RESP2 and one connection."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.input = self.socket.makefile("rb")

    def __call__(self, *arguments):
        return self.pipeline([arguments])[0]

    def pipeline(self, commands):
        out = bytearray()
        for arguments in commands:
            out += b"*%d\r\n" % len(arguments)
            for argument in arguments:
                data = argument if isinstance(argument, bytes) else str(argument).encode()
                out += b"$%d\r\n%s\r\n" % (len(data), data)
        self.socket.sendall(out)
        return [self.reply() for _ in commands]

    def reply(self):
        line = self.input.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Failure("redis: " + rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.input.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        return rest.decode()

    def info(self, section):
        lines = (line.split(":", 1) for line in self("INFO", section).splitlines() if ":" in line)
        return dict(lines)

    def calls(self):
        """Commands executed so far, those inside scripts counted each; what the bench itself asks left out."""
        stats = self.info("commandstats")
        return sum(int(value.split(",")[0].split("=")[1]) for name, value in stats.items()
                   if name not in ("cmdstat_info", "cmdstat_ping"))


class Process:
    def __init__(self, command, log, environment=None):
        self.name = pathlib.Path(command[0]).name
        self.role = ROLES[self.name]
        self.log = pathlib.Path(log)
        self.started = time.monotonic()
        with open(log, "wb") as out:
            self.popen = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})})

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def cpu_seconds_at_rest(self):
        """What was used once nothing is used any more."""
        before = -1.0
        while (now := self.cpu_seconds()) != before:
            before = now
            time.sleep(0.2)
        return now

    def rss_bytes(self):
        for line in pathlib.Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Failure(f"{self.name} has no memory")

    def wait_for(self, condition):
        """Seconds from the start of the process until the condition held."""
        while not condition():
            if self.popen.poll() is not None or time.monotonic() - self.started > START_LIMIT_S:
                tail = self.log.read_text(errors="replace")[-2000:]
                raise Failure(f"{self.name} did not get ready (exit {self.popen.poll()}):\n{tail}")
            time.sleep(0.002)
        return time.monotonic() - self.started

    def stop(self):
        if self.popen.poll() is not None:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()


def answers_ready(port):
    def condition():
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
    return condition


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise Failure(f"GET {path}: {answer.status} {body[:300]!r}")
    return json.loads(body), answer.getheader("Link")


class Rig:
    """One leg's world: a fresh Redis in a folder of its own, and whatever is started beside it."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.processes = []
        self.socket = folder / "redis.sock"
        self.redis = None

    def start_redis(self, options):
        command = ["redis-server", *REDIS_OPTIONS, *options, "--unixsocket", self.socket, "--dir", self.folder]
        self.add(command).wait_for(self.connect_redis)

    def connect_redis(self):
        try:
            self.redis = Redis(self.socket)
            return self.redis("PING") == "PONG"
        except OSError:
            return False

    def add(self, command, environment=None):
        process = Process(command, self.folder / f"log{len(self.processes)}", environment)
        self.processes.append(process)
        return process

    def program(self, name, port_setting, **settings):
        port = free_port()
        process = self.add([self.build / name], {"REDIS_URL": f"unix://{self.socket}", port_setting: str(port),
                                                 **settings})
        process.port = port
        process.ready_seconds = process.wait_for(answers_ready(port))
        return process

    def api(self, **settings):
        return self.program("soc-api", "SOC_HTTP_PORT", **settings)

    def worker(self, **settings):
        return self.program("soc-worker", "SOC_ADMIN_PORT", **settings)

    def bare_server(self):
        """Starts bare_accept; returns its port."""
        port = free_port()

        def listens():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        self.add([self.build / "bench/bare_accept", port, self.socket]).wait_for(listens)
        return port

    def cpu_seconds(self):
        """By the role of the process: api, worker, redis."""
        return {process.role: process.cpu_seconds() for process in self.processes}

    @contextlib.contextmanager
    def costs(self, threats):
        """Fills the yielded dict with what the block cost for each threat."""
        costs = {}
        calls, stats, used = self.redis.calls(), self.redis.info("stats"), self.cpu_seconds()
        yield costs
        for name, seconds in self.cpu_seconds().items():
            costs[f"cpu_us_per_threat_{name}"] = (seconds - used[name]) * 1e6 / threats
        came_in = int(self.redis.info("stats")["total_net_input_bytes"]) - int(stats["total_net_input_bytes"])
        costs["redis_commands_per_threat"] = (self.redis.calls() - calls) / threats
        costs["redis_bytes_in_per_threat"] = came_in / threats

    def bench(self, name, *arguments, allowed=(0,)):
        """Runs one of tests/bench to its end and returns the object that it prints."""
        command = [str(self.build / "bench" / name), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode not in allowed:
            raise Failure(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def swarm(self, port, clients):
        """Open WebSockets. Yields a function that closes them and returns what they received."""
        command = [str(self.build / "bench/ws_swarm"), "--port", str(port), "--clients", str(clients)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as swarm:
            if not swarm.stdout.readline():
                raise Failure(f"{clients} WebSockets could not be opened")

            def close():
                return json.loads(swarm.communicate()[0])
            try:
                yield close
            finally:
                if swarm.poll() is None:
                    swarm.communicate()

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


@contextlib.contextmanager
def rig(build, redis_options=()):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="soc-bench-"))
    world = Rig(build, folder)
    try:
        world.start_redis(redis_options)
        yield world
    finally:
        world.stop()
        shutil.rmtree(folder, ignore_errors=True)
