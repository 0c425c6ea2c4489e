"""A fleet that exports its traces, and all tools that watch it."""

import pathlib
import shutil
import subprocess
import tempfile

import yaml

import tool
from fleet import Fleet
from processes import STOP_LIMIT_S, free_port


class WatchedFleet:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="soc-observe-"))
        self.tools = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.fleet.stop()
        self._stop()

    def _start(self):
        self.jaeger = self._run(tool.jaeger(self.folder))
        self.loki = self._run(tool.loki(self.folder))
        self.collector = self._run(tool.collector(self.folder, self.jaeger.url("JAEGER_HTTP_PORT")))
        self.otlp_url = self.collector.url("COLLECTOR_HTTP_PORT")
        self.fleet = Fleet(
            apis=2, workers=2, LOG_LEVEL="debug", OTEL_EXPORTER_OTLP_ENDPOINT=self.otlp_url, OTEL_TRACES_SAMPLER_ARG=1
        )
        self.fleet.__enter__()
        # Everything below the fleet's folder that is a program's output, and what a test writes beside it.
        self.promtail = self._run(tool.promtail(self.folder, self.loki.url("LOKI_PORT"), self.fleet.folder / "*.out"))
        self.alertmanager = self._run(tool.alertmanager(self.folder))
        port = free_port()
        self.prometheus = self._run(tool.prometheus(self.folder, self._prometheus_config(port), port))
        for running in self.tools:
            running.wait_ready()

    def _run(self, running):
        self.tools.append(running)
        return running.start()

    def _prometheus_config(self, own_port):
        """The stack's with this machine's ports; DNS names become their addresses."""
        config = yaml.safe_load((tool.STACK / "prometheus.yaml").read_text())
        ports = {
            "soc-api": [api.port for api in self.fleet.apis],
            "soc-worker": [worker.port for worker in self.fleet.workers],
            "prometheus": [own_port],
            "alertmanager": [self.alertmanager.ports["PORT"]],
            "otel-collector": [self.collector.ports["COLLECTOR_METRICS_PORT"]],
            "jaeger": [self.jaeger.ports["JAEGER_METRICS_PORT"]],
            "loki": [self.loki.ports["LOKI_PORT"]],
            "promtail": [self.promtail.ports["PROMTAIL_PORT"]],
        }
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports[job["job_name"]]]}]
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{self.alertmanager.ports['PORT']}"]
        config["rule_files"] = [str((tool.STACK / pattern).resolve()) for pattern in config["rule_files"]]
        path = self.folder / "prometheus.yaml"
        path.write_text(yaml.safe_dump(config))
        return path

    def _stop(self):
        if hasattr(self, "fleet"):
            self.fleet.abandon()
        for running in self.tools:
            if running.alive():
                running.process.kill()
                running.process.wait(STOP_LIMIT_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what the tools know

    def trace(self, trace_id):
        """Jaeger's spans of a trace, each with the name of its service; none when it does not know the trace."""
        answer = self.jaeger.get("JAEGER_QUERY_PORT", f"/api/traces/{trace_id}")
        if answer.status_code == 404:
            return []
        (found,) = answer.json()["data"]
        return [{**span, "service": found["processes"][span["processID"]]["serviceName"]} for span in found["spans"]]

    def log_lines(self, query):
        """Lines of Loki with their labels."""
        answer = self.loki.get("LOKI_PORT", "/loki/api/v1/query_range", query=query, since="1h", limit=1000)
        assert answer.status_code == 200, answer.text
        return [(stream["stream"], line) for stream in answer.json()["data"]["result"] for _, line in stream["values"]]
