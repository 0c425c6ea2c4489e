"""The compose project of the test: a name, ports and volumes of its own, so that it disturbs no other stack on the machine."""

import functools
import json
import os
import random
import socket
import sys
import urllib.error
import urllib.request

from composing.command import attempt, run
from composing.images import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests/integration"))
import waiting  # noqa: E402

PROJECT = "soc-compose-test"
PORTS = ("REDIS_PORT", "OTLP_HTTP_PORT", "JAEGER_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "LOKI_PORT", "GRAFANA_PORT")
UP_LIMIT_S = 600

wait_until = functools.partial(waiting.wait_until, every_s=0.2)  # each look is a process


def free_ports(count):
    """That many in a row, below the range of outgoing connections."""
    while True:
        first = random.randrange(15000, 32000)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue


class Stack:
    def __init__(self, command):
        self.command = [*command, "--project-name", PROJECT]
        first = free_ports(len(PORTS) + 2)
        self.api_ports = (first, first + 1)
        self.ports = {name: first + 2 + i for i, name in enumerate(PORTS)}
        root = json.loads(run("docker", "info", "--format", "{{json .DockerRootDir}}"))
        self.environment = {
            **os.environ,
            **{name: str(port) for name, port in self.ports.items()},
            "API_PORTS": f"{first}-{first + 1}",
            "DOCKER_CONTAINERS": f"{root}/containers",
        }

        self.services = []

    def compose(self, *words):
        return run(*self.command, *words, cwd=REPOSITORY, env=self.environment)

    def try_compose(self, *words):
        return attempt(*self.command, *words, cwd=REPOSITORY, env=self.environment)

    def up(self, *words):
        """As `up --wait` does, which Compose 1 does not have."""
        self.compose("up", "--detach", *words, *self.services)
        wait_until(lambda: not self.waited_for(), UP_LIMIT_S, "everything is healthy")

    def waited_for(self):
        """The containers that do not run, or whose healthcheck has not yet passed."""
        states = {container["Name"]: container["State"] for service in self.services for container in self.containers(service)}
        return [name for name, state in states.items() if state.get("Health", {}).get("Status", state["Status"]) not in ("healthy", "running")]

    def containers(self, service):
        """What Docker knows of each container of a service, stopped ones too."""
        filters = [f"label=com.docker.compose.project={PROJECT}", f"label=com.docker.compose.service={service}"]
        ids = run("docker", "ps", "--all", "--quiet", *(word for text in filters for word in ("--filter", text))).split()
        return json.loads(run("docker", "inspect", *ids)) if ids else []

    def redis(self, *words):
        return json.loads(self.compose("exec", "-T", "redis", "redis-cli", "--json", *words))

    def consumers(self):
        return len(self.redis("XINFO", "CONSUMERS", "threats:stream", "soc-workers"))

    def ask(self, port, path, body=None, **headers):
        """The JSON of an answer; None when there is none, or none yet."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json", **headers})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return json.loads(answer.read())
        except (urllib.error.HTTPError, OSError):
            return None
