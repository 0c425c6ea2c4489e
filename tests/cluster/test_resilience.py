"""Pods, nodes' drains and Redis' master go while signals come in and clients listen: nothing lost, nothing done twice."""

import shutil

import pytest
import yaml

from cluster import CHART, POLL_S
from load import FIXED_NUMBERS, RATE, RECOVERY_LIMIT_S, WATCHERS, Load, complaints, summary
from waiting import wait_until


@pytest.fixture(scope="module")
def release(deploy):
    # One Redis that is killed under everysec may lose what it put off while its disk was busy.
    return deploy("resilience", *FIXED_NUMBERS, "--set", "redis.appendfsync=always")


def settle(release):
    release.wait_ready("api", 2)
    release.wait_ready("worker", 2)
    release.wait_ready("redis", 1)
    release.wait_answering()
    release.wait_idle()


def chart_of_another_version(folder):
    copy = folder / "chart"
    shutil.copytree(CHART, copy)
    chart = yaml.safe_load((copy / "Chart.yaml").read_text())
    chart["version"] = "99.0.0"
    (copy / "Chart.yaml").write_text(yaml.safe_dump(chart))
    return copy


def test_rolling_update_is_not_noticed(release, tmp_path, report):
    """APIs, workers and the chart's version at once."""
    settle(release)
    before = {*release.names("api"), *release.names("worker")}
    with Load(release, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        seconds = release.upgrade("--set", "settings.SOC_TRACE_SLOW_MS=1500", chart=chart_of_another_version(tmp_path))
        # Those that were told to go serve on for a while.
        wait_until(lambda: not before & all_pods(release), 90, "the old pods are gone", POLL_S)
        load.flow(3)
        audit, told = load.finish()
    report.say(f"rolled in {seconds:.1f} s; {summary(audit, told)}")
    assert complaints(audit) == {}
    assert told["refused"] == told["unknown"] == 0, "a POST failed"
    assert told["accepted"] == told["sent"] > RATE * 5


def all_pods(release):
    return {row["metadata"]["name"] for row in release.get("pods")["items"]}


def kill_and_recover(release, folder, report, choose, component, count):
    """The producer does not give a signal up: what fails is sent again with its key."""
    settle(release)
    with Load(release, folder, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        victims = choose()
        release.kill(*victims)
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        release.wait_ready(component, count)
        load.flow(3)
        audit, told = load.finish()
    report.say(f"{len(victims)} {component} killed, 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert complaints(audit) == {}
    return told


def test_a_worker_is_killed(release, tmp_path, report):
    told = kill_and_recover(release, tmp_path, report, lambda: release.names("worker")[:1], "worker", 2)
    assert told["refused"] == told["unknown"] == 0, "workers are no business of those who post"


def test_all_workers_are_killed(release, tmp_path, report):
    told = kill_and_recover(release, tmp_path, report, lambda: release.names("worker"), "worker", 2)
    assert told["refused"] == told["unknown"] == 0


def test_an_api_is_killed(release, tmp_path, report):
    kill_and_recover(release, tmp_path, report, lambda: release.names("api")[:1], "api", 2)


def test_redis_is_killed(release, tmp_path, report):
    kill_and_recover(release, tmp_path, report, lambda: ["soc-redis-0"], "redis", 1)


def test_a_pod_over_its_memory_limit_is_restarted(release, tmp_path, report):
    """Processes beside the worker, each smaller than it, eat the container's memory; it is the one to be killed for it."""
    settle(release)
    victim = release.names("worker")[0]
    eat = """echo 1000 >/proc/1/oom_score_adj
        for i in {1..100}; do (x=$(head -c 3000000 /dev/zero | tr '\\0' x); read -rt 10 <> <(:)) & done; wait"""

    def killed():
        status = release.get("pod", victim)["status"]["containerStatuses"][0]
        return status["restartCount"] > 0 and status["lastState"]["terminated"]

    with Load(release, tmp_path, RATE) as load:
        load.producer.wait_accepted(RATE * 2)
        release.kubectl("exec", victim, "--", "bash", "-c", eat, check=False)
        last = wait_until(killed, 30, "the worker is restarted", POLL_S)
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        release.wait_ready("worker", 2)
        audit, told = load.finish()
    report.say(f"{last['reason']}, exit {last['exitCode']}, restarted; 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert last["exitCode"] == 137 and complaints(audit) == {} and told["refused"] == told["unknown"] == 0


def test_a_drain_keeps_to_the_budgets(release, tmp_path, cluster, report):
    nodes = cluster.nodes()
    if len(nodes) < 2:
        pytest.skip("a drain needs a second node")
    settle(release)
    # The node of Redis' volume stays: its pod could go nowhere else.
    home = release.pods("redis")[0]["spec"]["nodeName"]
    hosts = {pod["spec"]["nodeName"] for component in ("api", "worker") for pod in release.pods(component)} - {home}
    if not hosts:
        pytest.skip("all pods are on one node")
    node = hosts.pop()
    with Load(release, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        try:
            words = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=120s", "--pod-selector=app.kubernetes.io/instance=soc")
            cluster.kubectl("drain", node, *words)
            for component in ("api", "worker"):
                release.wait_ready(component, 2)
            load.flow(5)
        finally:
            cluster.kubectl("uncordon", node)
        audit, told = load.finish()
    report.say(f"{node} drained; {summary(audit, told)}")
    assert complaints(audit) == {} and told["refused"] == told["unknown"] == 0
