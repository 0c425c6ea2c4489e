"""KEDA in the HPA's place, on a cluster that has it."""

import os
import time

import pytest

from cluster import POLL_S
from load import RATE, Load, complaints, summary
from waiting import wait_until

PROMETHEUS = os.environ.get("SOC_CLUSTER_PROMETHEUS", "http://prometheus.soc-monitoring.svc:9090")
WORKER_RATE = 100
GROWN = 3  # for RATE signals a second, when a worker may be busy for 0.7 of its time
OUTAGE_S = 60


@pytest.fixture(scope="module")
def release(cluster, deploy):
    if not cluster.get("deployments", "--all-namespaces", "--selector=app.kubernetes.io/name=keda-operator")["items"]:
        pytest.skip("the cluster has no KEDA")
    return deploy(
        "keda",
        *("--set", "worker.hpa.enabled=false,worker.keda.enabled=true", "--set-string", f"worker.keda.prometheusUrl={PROMETHEUS}"),
        *("--set", "worker.hpa.maxReplicas=4,worker.hpa.scaleDownWindowSeconds=20,worker.hpa.targetCPUUtilizationPercentage=1000"),
        *("--set", f"worker.resources.requests.cpu=50m,api.settings.SOC_WORKER_RATE={WORKER_RATE},api.hpa.enabled=false,api.replicaCount=2"),
    )


def workers(release):
    return release.get("deployment", "soc-worker")["spec"]["replicas"]


def conditions(release):
    return {row["type"]: row["status"] for row in release.get("scaledobject", "soc-worker")["status"].get("conditions", [])}


def test_the_fleet_follows_its_load(release, tmp_path, report):
    wait_until(lambda: conditions(release).get("Ready") == "True", 90, "KEDA has taken the ScaledObject", POLL_S)
    with Load(release, tmp_path, RATE) as load:
        started = time.monotonic()
        wait_until(lambda: workers(release) >= GROWN, 120, f"{GROWN} workers", POLL_S)
        seconds = time.monotonic() - started
        audit, told = load.finish()
    wait_until(lambda: workers(release) == 1, 300, "one worker again", POLL_S)
    report.say(f"{GROWN} workers {seconds:.0f} s after {RATE} signals a second began; {summary(audit, told)}")
    assert complaints(audit) == {}


def test_without_the_metric_no_worker_goes(release, tmp_path, report):
    """Its fallback keeps what there is: no API answers, so Prometheus has no series."""
    with Load(release, tmp_path, RATE) as load:
        wait_until(lambda: workers(release) >= GROWN, 120, f"{GROWN} workers", POLL_S)
        load.finish()
    release.kubectl("scale", "deployment", "soc-api", "--replicas=0")
    wait_until(lambda: conditions(release).get("Fallback") == "True", 120, "KEDA misses the metric", POLL_S)
    count = workers(release)
    end = time.monotonic() + OUTAGE_S
    wait_until(lambda: time.monotonic() > end or workers(release) < count, OUTAGE_S + 5, "the window for going down has passed", POLL_S)
    assert count >= GROWN and workers(release) == count
    report.say(f"metric gone for {OUTAGE_S} s, window 20 s: still {count} workers; the ScaledObject says {conditions(release)}")
