"""The fleet grows with its backlog and shrinks after it; what pods use."""

import os
import time

import pytest

from cluster import POLL_S
from load import Load, complaints, summary
from waiting import wait_until

SIGNALS = 50_000
GROWN = 4
LOOK_EVERY_S = 3
LOW_RATE, SWING = 10, 30  # signals a second, percent
STEP_LIMIT_S = 3 * 15  # of Kubernetes' own period
NOISY_S = 300
OUTAGE_S = int(os.environ.get("SOC_CLUSTER_OUTAGE_SECONDS", "45"))


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
    report.say(f"\n{summary(audit, told)}")
    assert complaints(audit) == {} and told["accepted"] == SIGNALS
    assert max(replicas) >= GROWN and replicas[-1] == 1
    assert turns(replicas) == 1, f"it flaps: {replicas}"


def turns(numbers):
    """How often they go up after they went down, or down after up."""
    steps = [after - before for before, after in zip(numbers, numbers[1:]) if after != before]
    return sum(1 for before, after in zip(steps, steps[1:]) if before * after < 0)


def test_a_load_that_rises_tenfold_and_swings_is_followed_once(release, tmp_path, report):
    """With the chart's own window. The fleet is at its place within three of the HPA's periods, and stays. Workers are reckoned
    so slow that three are just what is needed; with the burst before, fewer than the 100,000 threats that are kept."""
    release.upgrade("--set", "worker.hpa.scaleDownWindowSeconds=300,worker.hpa.maxReplicas=8,api.settings.SOC_WORKER_RATE=50")
    with Load(release, tmp_path, LOW_RATE) as load:
        load.flow(20)
        assert release.get("deployment", "soc-worker")["spec"]["replicas"] == 1
        load.finish()
    report.say(f"{LOW_RATE} a second: 1 worker; then {10 * LOW_RATE}, each second up to {SWING} % more or less\n")
    report.say("| s | required | replicas |\n|---|---|---|")
    seen = []
    with Load(release, tmp_path, 10 * LOW_RATE, swing=SWING) as load:
        started = time.monotonic()
        while time.monotonic() - started < NOISY_S:
            at = time.monotonic() - started
            row = (int(release.external_metric("soc_required_workers") or 0), release.get("deployment", "soc-worker")["spec"]["replicas"])
            if not seen or seen[-1][1:] != row:
                seen.append((at, *row))
                report.say(f"| {at:.0f} | {row[0]} | {row[1]} |")
            load.flow(LOOK_EVERY_S)
        audit, told = load.finish()
    release.upgrade()
    wanted_at = next(at for at, required, _ in seen if required >= 3)
    followed_at = next(at for at, _, there in seen if there >= 3)
    replicas = [there for _, _, there in seen]
    report.say(f"\n3 asked for after {wanted_at:.0f} s, there after {followed_at:.0f} s; {turns(replicas)} turns in {NOISY_S} s; {summary(audit, told)}")
    assert complaints(audit) == {}
    assert followed_at - wanted_at <= STEP_LIMIT_S
    assert turns(replicas) == 0, f"it flaps: {replicas}"


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
    end = time.monotonic() + OUTAGE_S
    wait_until(lambda: time.monotonic() > end or len(release.ready("worker")) != 3, OUTAGE_S + 5, "the window for going down has passed", POLL_S)
    assert release.get("deployment", "soc-worker")["spec"]["replicas"] == 3
    report.say(f"metric gone for {OUTAGE_S} s, window 20 s: still 3 workers; the HPA says {conditions()}")


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
