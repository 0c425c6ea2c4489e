"""Each tool's own check of its configuration, and that the check would find a misspelt word."""

import json
import os
import re
import subprocess

import pytest
import yaml

import tool
from processes import free_port

CHECK_LIMIT_S = 120
MISSPELT = {
    "otel-collector": ("memory_limiter:", "memory_limitter:"),
    "jaeger": ("max_traces:", "max_tracess:"),
    "loki": ("retention_enabled:", "retention_enabld:"),
    "promtail": ("pipeline_stages:", "pipeline_stagess:"),
    "prometheus": ("scrape_timeout:", "scrape_timout:"),
    "alertmanager": ("group_wait:", "group_wayt:"),
}


def check(name, path):
    return subprocess.run(tool.checker(name, path), capture_output=True, text=True, timeout=CHECK_LIMIT_S)


@pytest.mark.parametrize("name", MISSPELT)
def test_configuration_is_good(name):
    done = check(name, tool.STACK / f"{name}.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_one_is_refused(name, tmp_path):
    right, wrong = MISSPELT[name]
    text = (tool.STACK / f"{name}.yaml").read_text()
    assert right in text
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.replace(right, wrong, 1))
    assert check(name, path).returncode != 0


def test_tail_sampling_can_be_put_into_the_pipeline(tmp_path):
    config = yaml.safe_load((tool.STACK / "otel-collector.yaml").read_text())
    traces = config["service"]["pipelines"]["traces"]
    assert traces["processors"] == ["memory_limiter", "batch"]
    traces["processors"].insert(1, "tail_sampling")
    path = tmp_path / "sampled.yaml"
    path.write_text(yaml.safe_dump(config))
    done = check("otel-collector", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("severity, receiver", [("critical", "pager"), ("warning", "chat"), ("info", "chat")])
def test_alerts_are_routed_by_severity(severity, receiver):
    words = [tool.binary("amtool"), "config", "routes", "test", f"--config.file={tool.STACK}/alertmanager.yaml", f"severity={severity}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=CHECK_LIMIT_S)
    assert (done.returncode, done.stdout.strip()) == (0, receiver), done.stderr


def docker_wrapped(line):
    row = {"log": line + "\n", "stream": "stdout", "attrs": {"tag": "soc-worker-1"}, "time": "2026-01-02T03:04:05.678901234Z"}
    return json.dumps(row, separators=(",", ":"))


def test_promtail_labels_our_lines_and_passes_others():
    """-check-syntax does not read the stages' selectors; a dry run goes through them."""
    ours = '{"timestamp":"2026-01-02T03:04:05.678Z","level":"info","message":"started","component":"soc-worker"}'
    lines = {docker_wrapped(ours): ours, ours: ours, docker_wrapped("not ours"): "not ours", "bare": "bare"}
    words = [tool.binary("promtail"), f"-config.file={tool.STACK}/promtail.yaml", "-config.expand-env=true", "-dry-run", "-stdin"]
    environment = {**os.environ, "PROMTAIL_HOST": "127.0.0.1", "PROMTAIL_PORT": str(free_port())}
    done = subprocess.run(words, input="\n".join(lines) + "\n", env=environment, capture_output=True, text=True, timeout=CHECK_LIMIT_S)
    assert done.returncode == 0, done.stderr
    seen = re.findall(r'^(\S+)\t\{__path__="[^"]+"(.*?), job="soc"(.*?)\}\t?(.*)$', done.stdout, re.MULTILINE)
    level = ', level="info"'
    program, container = ', component="soc-worker"', ', container="soc-worker-1"'
    assert sorted((before, after, line) for _, before, after, line in seen) == sorted(
        [(program + container, level, ours), (program, level, ours), (container, "", "not ours"), ("", "", "bare")]
    )
    assert {time for time, _, _, line in seen if line == ours} == {"2026-01-02T03:04:05.678+0000"}
