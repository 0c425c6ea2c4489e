"""The fleet grows with its backlog and shrinks after it; what pods use."""

import time

import pytest

from cluster import POLL_S
from load import Load, complaints, summary
from waiting import wait_until

SIGNALS = 50_000
GROWN = 4
LOOK_EVERY_S = 3


@pytest.fixture(scope="module")
def release(deploy):
    """Workers so slow, and reckoned so slow, that a burst waits for them."""
    return deploy(
        "performance",
        *("--set", "worker.resources.requests.cpu=50m,worker.resources.limits.cpu=100m,worker.hpa.maxReplicas=4"),
        *("--set", "worker.hpa.targetCPUUtilizationPercentage=1000,worker.hpa.scaleDownWindowSeconds=20"),
        *("--set", "api.settings.SOC_WORKER_RATE=200,api.hpa.maxReplicas=2"),
    )


def test_a_burst_takes_the_workers_up_and_back(release, tmp_path, report):
    wait_until(lambda: release.external_metric("soc_required_workers"), 60, "the metric is there", POLL_S)
    wait_until(lambda: len(release.ready("worker")) == 1, 60, "one worker", POLL_S)
    report.say("| s | waiting | required | replicas | ready |\n|---|---|---|---|---|")
    seen = []
    with Load(release, tmp_path, SIGNALS // 10, count=SIGNALS, batch=100) as load:
        started = time.monotonic()

        def look():
            backlog = release.backlog()
            deployment = release.get("deployment", "soc-worker")
            row = (backlog.get("outstanding"), deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0))
            if not seen or seen[-1] != row:
                seen.append(row)
                required = release.metric(release.ready("api")[0], 8000, "soc_required_workers")
                report.say(f"| {time.monotonic() - started:.0f} | {row[0]} | {required} | {row[1]} | {row[2]} |")
            return row

        wait_until(lambda: look()[1] >= GROWN, 180, f"{GROWN} workers", LOOK_EVERY_S)
        wait_until(lambda: load.producer.ended() and look()[0] == 0, 300, "the burst is worked off", LOOK_EVERY_S)
        wait_until(lambda: look()[1] == 1, 600, "one worker again", LOOK_EVERY_S)
        audit, told = load.finish()
    replicas = [row[1] for row in seen]
    turns = sum(1 for a, b, c in zip(replicas, replicas[1:], replicas[2:]) if (b - a) * (c - b) < 0)
    report.say(f"\n{summary(audit, told)}")
    assert complaints(audit) == {} and told["accepted"] == SIGNALS
    assert max(replicas) >= GROWN and replicas[-1] == 1
    changes = [replica for replica, before in zip(replicas, [None, *replicas]) if replica != before]
    peak = changes.index(max(changes))
    assert changes[: peak + 1] == sorted(changes[: peak + 1]) and changes[peak:] == sorted(changes[peak:], reverse=True), f"it flaps: {changes}"
    assert turns == 0


def test_what_pods_use(release, report):
    """After the burst, from metrics-server: what the chart's requests are sized by."""
    def measured():
        done = release.kubectl("top", "pods", "--containers", "--no-headers", check=False)
        return done.returncode == 0 and done.stdout

    for component, port, counted in (("api", 8000, "http_requests_total"), ("worker", 9100, "soc_threats_processed_total")):
        pod = release.ready(component)[0]
        busy, count = release.metric(pod, port, "process_cpu_seconds_total"), release.metric(pod, port, counted)
        resident = release.metric(pod, port, "process_resident_memory_bytes")
        report.say(f"{pod}: {busy:.2f} s of CPU for {count:.0f} of {counted}, {resident / 2**20:.1f} MiB resident")
        assert resident < 64 * 2**20, "the chart's request is too small"
    report.say("```\n" + wait_until(measured, 90, "metrics-server knows the pods", POLL_S) + "```")


def test_without_the_metric_no_worker_goes(release, report):
    """No API answers, so nobody tells the metric: the HPA leaves the workers as they are."""
    release.kubectl("patch", "hpa", "soc-worker", "--type=merge", "--patch", '{"spec":{"minReplicas":3}}')
    wait_until(lambda: len(release.ready("worker")) == 3, 120, "three workers", POLL_S)
    release.kubectl("delete", "hpa", "soc-api")
    release.kubectl("scale", "deployment", "soc-api", "--replicas=0")
    wait_until(lambda: release.external_metric("soc_required_workers") is None, 180, "the metric is gone", POLL_S)
    release.kubectl("patch", "hpa", "soc-worker", "--type=merge", "--patch", '{"spec":{"minReplicas":1}}')

    def conditions():
        rows = release.get("hpa", "soc-worker")["status"].get("conditions", [])
        return {row["type"]: row["reason"] for row in rows}

    wait_until(lambda: conditions().get("ScalingActive") == "FailedGetExternalMetric", 90, "the HPA misses it", POLL_S)
    end = time.monotonic() + 45
    wait_until(lambda: time.monotonic() > end or len(release.ready("worker")) != 3, 50, "the window for going down has passed", POLL_S)
    assert release.get("deployment", "soc-worker")["spec"]["replicas"] == 3
    report.say(f"metric gone for 45 s, window 20 s: still 3 workers; the HPA says {conditions()}")


def test_without_workers_signals_wait(release, tmp_path, report):
    """Scaled to nothing by hand, the HPA leaves it so: it is off until somebody scales up again."""
    release.kubectl("scale", "deployment", "soc-api", "--replicas=2")
    release.kubectl("scale", "deployment", "soc-worker", "--replicas=0")
    wait_until(lambda: not release.pods("worker"), 60, "no worker", POLL_S)
    release.wait_ready("api", 2)
    release.wait_answering()
    with Load(release, tmp_path, 200, count=1000) as load:
        wait_until(load.producer.ended, 60, "the signals are sent", POLL_S)
        assert release.backlog()["outstanding"] == 1000
        wait_until(lambda: "ScalingDisabled" in str(release.get("hpa", "soc-worker")["status"]), 60, "the HPA is off", POLL_S)
        assert not release.pods("worker")
        release.kubectl("scale", "deployment", "soc-worker", "--replicas=1")
        audit, told = load.finish()
    report.say(f"1000 signals waited, the HPA said ScalingDisabled; then {summary(audit, told)}")
    assert complaints(audit) == {} and told["accepted"] == 1000
