"""Metrics reach those who scale and watch; logs are lines of JSON; dashboards and rules are where they are looked for."""

import json

import pytest

from cluster import POLL_S
from waiting import wait_until


@pytest.fixture(scope="module")
def release(deploy):
    return deploy("observability", "--set", "worker.resources.requests.cpu=100m")


def test_programs_tell_prometheus(release, report):
    api, worker = release.ready("api")[0], release.ready("worker")[0]
    assert release.metric(api, 8000, "soc_redis_up") == release.metric(worker, 9100, "soc_redis_up") == 1
    assert release.metric(api, 8000, "soc_required_workers") == 1
    report.say("both programs: soc_redis_up 1")


def test_the_required_workers_are_an_external_metric(release, report):
    told = wait_until(lambda: release.external_metric("soc_required_workers"), 90, "the metric is there", POLL_S)
    report.say(f"soc_required_workers of external.metrics.k8s.io: {told}")


def test_the_hpas_see_their_metrics(release, report):
    def see(name, kinds):
        status = release.get("hpa", name)["status"]
        active = {row["type"]: row["status"] for row in status.get("conditions", [])}.get("ScalingActive")
        return active == "True" and {row["type"] for row in status.get("currentMetrics") or []} == kinds

    for name, kinds in (("soc-api", {"Resource"}), ("soc-worker", {"External", "ContainerResource"})):
        wait_until(lambda name=name, kinds=kinds: see(name, kinds), 180, f"{name} sees its metrics", POLL_S)
    report.say("both HPAs are active")


def test_logs_are_json(release):
    for component in ("api", "worker"):
        log = release.kubectl("logs", release.names(component)[0]).stdout
        lines = [json.loads(line) for line in log.splitlines()]
        assert lines[0]["message"] == "started" and {line["component"] for line in lines} == {f"soc-{component}"}


def test_dashboards_and_rules_have_their_labels(release):
    dashboards = release.get("configmaps", "--selector=grafana_dashboard=1")["items"]
    titles = {json.loads(text)["title"] for row in dashboards for text in row["data"].values()}
    assert len(titles) == 4
    if release.cluster.kubectl("get", "crd", "prometheusrules.monitoring.coreos.com", check=False).returncode == 0:
        assert release.get("prometheusrules.monitoring.coreos.com")["items"]
    else:
        assert set(release.get("configmap", "soc-rules")["data"]) == {"soc-alerts.yaml", "soc-recording.yaml"}
