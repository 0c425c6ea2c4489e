"""Pods, nodes' drains and Redis' master go while signals come in and clients listen: nothing lost, nothing done twice."""

import shutil

import pytest
import yaml

from cluster import CHART, POLL_S
from load import Load, complaints, summary
from waiting import wait_until

RATE = 200
WATCHERS = 20
RECOVERY_LIMIT_S = 60


@pytest.fixture(scope="module")
def release(make_release):
    made = make_release(
        "resilience",
        *("--set", "api.hpa.enabled=false,worker.hpa.enabled=false,api.replicaCount=2,worker.replicaCount=2"),
        *("--set", "worker.resources.requests.cpu=100m"),
    )
    made.install()
    made.wait_answering()
    return made


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
    """A process beside the worker eats the container's memory; the worker offers itself to be killed for it."""
    settle(release)
    victim = release.names("worker")[0]
    eat = "echo 1000 >/proc/1/oom_score_adj; x=$(head -c 400000000 /dev/zero | tr '\\0' x); echo ${#x}"

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


@pytest.fixture(scope="module")
def replicated(make_release):
    made = make_release(
        "replication",
        *("--set", "redis.architecture=replication,api.hpa.enabled=false,worker.hpa.enabled=false,api.replicaCount=2,worker.replicaCount=2"),
        *("--set", "api.settings.SOC_WAIT_REPLICAS=1,worker.resources.requests.cpu=100m,redis.resources.requests.cpu=50m"),
    )
    made.install()
    made.wait_answering()
    made.wait_ready("redis", 3)
    return made


def roles(release):
    return {pod: release.redis_cli("role", pod=pod).split()[0] for pod in release.ready("redis")}


def wait_replicated(release):
    def whole():
        told = roles(release)
        return sorted(told.values()) == ["master", "slave", "slave"] and told

    return wait_until(whole, 120, "one master and two replicas", POLL_S)


def finish_and_audit(release, load):
    master = release.master()
    audit, told = load.finish(master)
    return master, audit, told


def test_the_master_is_killed(replicated, tmp_path, report):
    wait_replicated(replicated)
    old = replicated.master()
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        replicated.kill(old)
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        wait_replicated(replicated)
        load.flow(3)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"{old} killed, {master} is the master; 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert complaints(audit) == {}


def test_the_master_falls_silent(replicated, tmp_path, report):
    """Longer than Sentinels bear it: another one takes over, and the old one follows it when it is back."""
    wait_replicated(replicated)
    old = replicated.master()
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        replicated.kubectl("exec", old, "--container=redis", "--", "redis-cli", "client", "pause", "15000", "all")
        seconds = load.wait_recovered(RECOVERY_LIMIT_S)
        wait_replicated(replicated)
        load.flow(3)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"{old} silent for 15 s, {master} is the master; 200 more signals through after {seconds:.1f} s; {summary(audit, told)}")
    assert master != old and complaints(audit) == {}


def test_redis_rolls_with_a_handover(replicated, tmp_path, report):
    """A change of its configuration: each is stopped in turn, the master after it has handed over."""
    wait_replicated(replicated)
    with Load(replicated, tmp_path, RATE, WATCHERS) as load:
        load.producer.wait_accepted(RATE * 2)
        seconds = replicated.upgrade("--set", "redis.maxmemoryPercent=60")
        wait_replicated(replicated)
        load.wait_recovered(RECOVERY_LIMIT_S)
        master, audit, told = finish_and_audit(replicated, load)
    report.say(f"three Redis rolled in {seconds:.1f} s, {master} is the master; {summary(audit, told)}")
    assert complaints(audit) == {}
