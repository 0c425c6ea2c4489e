"""The real tools: how each is started on the loopback with the configuration of helm/soc-agent/stack, and how each checks one.
Ports and folders go in by the environment, as the configurations ask for it."""

import os
import pathlib
import shutil
import subprocess

import requests

from processes import REPOSITORY, Process, command, free_port, wait_until

STACK = REPOSITORY / "helm/soc-agent/stack"
READY_LIMIT_S = 90


def binary(name):
    """One that scripts/build-tools built, or Debian's."""
    told = subprocess.run([REPOSITORY / "scripts/build-tools", "--where"], capture_output=True, text=True, check=True, timeout=20)
    built = pathlib.Path(told.stdout.strip()) / name
    found = built if built.exists() else shutil.which(name)
    assert found, f"{name} is not there: scripts/observe-test builds and installs what is missing"
    return str(found)


def checker(name, path):
    """The tool's own check of a configuration, as a command."""
    return {
        "otel-collector": lambda: [binary("otelcol"), "validate", f"--config={path}"],
        "jaeger": lambda: [binary("jaeger"), "validate", f"--config={path}"],
        "loki": lambda: [binary("loki"), f"-config.file={path}", "-config.expand-env=true", "-verify-config"],
        "promtail": lambda: [binary("promtail"), f"-config.file={path}", "-config.expand-env=true", "-check-syntax"],
        "prometheus": lambda: [binary("promtool"), "check", "config", str(path)],
        "alertmanager": lambda: [binary("amtool"), "check-config", str(path)],
    }[name]()


class Tool(Process):
    """One that runs. `ports` names the variables of its configuration that are ports; `ready` is the path that answers 200."""

    def __init__(self, name, folder, words, ready, ports=(), **environment):
        super().__init__(name, folder)
        self.words = words
        self.ports = {variable: free_port() for variable in ports}
        self.environment = {**os.environ, **{key: str(value) for key, value in {**environment, **self.ports}.items()}}
        self.ready_variable, self.ready_path = ready
        self.http = requests.Session()
        self.http.trust_env = False

    def start(self):
        self.spawn(command(*self.words), self.environment)
        return self

    def url(self, variable):
        return f"http://127.0.0.1:{self.ports[variable]}"

    def get(self, variable, path, **parameters):
        return self.http.get(self.url(variable) + path, params=parameters, timeout=20)

    def is_ready(self):
        assert self.alive(), self.tail()
        try:
            return self.get(self.ready_variable, self.ready_path).status_code == 200
        except requests.ConnectionError:
            return False

    def wait_ready(self):
        wait_until(self.is_ready, READY_LIMIT_S, f"{self.name} is ready")
        return self


def jaeger(folder):
    ports = ("JAEGER_HEALTH_PORT", "JAEGER_QUERY_PORT", "JAEGER_QUERY_GRPC_PORT", "JAEGER_HTTP_PORT", "JAEGER_GRPC_PORT", "JAEGER_METRICS_PORT")
    words = [binary("jaeger"), f"--config={STACK}/jaeger.yaml"]
    return Tool("jaeger", folder, words, ("JAEGER_HEALTH_PORT", "/status"), ports, JAEGER_HOST="127.0.0.1")


def collector(folder, jaeger_url):
    ports = ("COLLECTOR_HEALTH_PORT", "COLLECTOR_HTTP_PORT", "COLLECTOR_GRPC_PORT", "COLLECTOR_METRICS_PORT")
    words = [binary("otelcol"), f"--config={STACK}/otel-collector.yaml"]
    hosts = {"COLLECTOR_HOST": "127.0.0.1", "JAEGER_OTLP_ENDPOINT": jaeger_url}
    return Tool("otel-collector", folder, words, ("COLLECTOR_HEALTH_PORT", "/"), ports, **hosts)


def loki(folder):
    words = [binary("loki"), f"-config.file={STACK}/loki.yaml", "-config.expand-env=true"]
    hosts = {"LOKI_HOST": "127.0.0.1", "LOKI_DATA": folder / "loki"}
    return Tool("loki", folder, words, ("LOKI_PORT", "/ready"), ("LOKI_PORT", "LOKI_GRPC_PORT"), **hosts)


def promtail(folder, loki_url, logs):
    (folder / "promtail").mkdir()
    words = [binary("promtail"), f"-config.file={STACK}/promtail.yaml", "-config.expand-env=true"]
    hosts = {"PROMTAIL_HOST": "127.0.0.1", "PROMTAIL_DATA": folder / "promtail", "LOKI_URL": loki_url, "LOG_PATH": logs}
    return Tool("promtail", folder, words, ("PROMTAIL_PORT", "/ready"), ("PROMTAIL_PORT",), **hosts)


def prometheus(folder, config, port):
    words = [binary("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder}/prometheus", f"--web.listen-address=127.0.0.1:{port}"]
    tool = Tool("prometheus", folder, words, ("PORT", "/-/ready"))
    tool.ports["PORT"] = port
    return tool


def alertmanager(folder):
    port = free_port()
    words = [binary("prometheus-alertmanager"), f"--config.file={STACK}/alertmanager.yaml", f"--storage.path={folder}/alertmanager"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    tool = Tool("alertmanager", folder, words, ("PORT", "/-/ready"))
    tool.ports["PORT"] = port
    return tool
