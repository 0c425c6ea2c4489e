"""What is rendered for the programs and Redis."""

import pytest

from rendering import PRODUCTION, names, objects, pick, pods

WORKER_SPEC = ("scaleTargetRef", "minReplicas", "maxReplicas")


def container(found, kind, name, index=0):
    return pick(found, kind, name)["spec"]["template"]["spec"]["containers"][index]


def environment(of):
    return {row["name"]: row.get("value") or row["valueFrom"] for row in of["env"]}


def test_api_rolls_without_a_gap():
    spec = pick(objects("local"), "Deployment", "soc-api")["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert "replicas" not in spec, "the HPA's number would be set back by every upgrade"


@pytest.mark.parametrize("component, port", [("api", "http"), ("worker", "metrics")])
def test_probes_ask_health_and_ready(component, port):
    of = container(objects("local"), "Deployment", f"soc-{component}")
    paths = {probe: of[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}
    assert {of[probe]["httpGet"]["port"] for probe in paths} == {port} == {row["name"] for row in of["ports"]}
    assert of["livenessProbe"]["initialDelaySeconds"] == 10 and of["livenessProbe"]["periodSeconds"] == 30


def test_api_has_time_to_drain():
    words = ("--set", "api.settings.SOC_DRAIN_DELAY_SECONDS=40")
    spec = pick(objects(*words), "Deployment", "soc-api")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == 60
    assert pick(objects(*words), "ConfigMap", "soc-api")["data"]["SOC_DRAIN_DELAY_SECONDS"] == "40"


def test_worker_has_time_above_its_deadline():
    found = objects("--set", "worker.settings.SOC_DRAIN_DEADLINE_SECONDS=100")
    assert pick(found, "Deployment", "soc-worker")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 110


def test_programs_listen_for_others_and_know_redis():
    found = objects("local")
    api, worker = (environment(container(found, "Deployment", name)) for name in ("soc-api", "soc-worker"))
    assert api["SOC_HTTP_HOST"] == worker["SOC_ADMIN_HOST"] == "0.0.0.0"
    for of in (api, worker):
        assert of["REDIS_URL"] == "redis://soc:$(REDIS_PASSWORD)@soc-redis:6379/0"
        assert of["REDIS_PASSWORD"] == {"secretKeyRef": {"name": "soc-redis", "key": "redis-password"}}
    assert pick(found, "Service", "soc-redis")["spec"]["ports"][0]["port"] == 6379


def test_programs_find_the_master_through_sentinels():
    found = objects("replication")
    url = environment(container(found, "Deployment", "soc-worker"))["REDIS_URL"]
    hosts = ",".join(f"soc-redis-{i}.soc-redis-pods:26379" for i in range(3))
    assert url == f"redis+sentinel://soc:$(REDIS_PASSWORD)@{hosts}/soc-master/0"
    redis = pick(found, "StatefulSet", "soc-redis")["spec"]
    assert redis["replicas"] == 3 and redis["serviceName"] == "soc-redis-pods" and redis["podManagementPolicy"] == "Parallel"
    assert [row["name"] for row in redis["template"]["spec"]["containers"]] == ["redis", "sentinel"]
    pods_service = pick(found, "Service", "soc-redis-pods")["spec"]
    assert pods_service["clusterIP"] == "None" and pods_service["publishNotReadyAddresses"]
    assert {row["port"] for row in pods_service["ports"]} == {6379, 26379}
    assert "soc-redis" not in names(found, "Service"), "a Service over master and replicas would mislead"
    assert pick(found, "PodDisruptionBudget", "soc-redis")["spec"]["maxUnavailable"] == 1


def test_redis_elsewhere_leaves_nothing_of_ours():
    found = objects("redis elsewhere")
    assert not [row for row in found if "redis" in row["metadata"]["name"]]
    for name in ("soc-api", "soc-worker"):
        assert environment(container(found, "Deployment", name))["REDIS_URL"] == {
            "secretKeyRef": {"name": "soc-redis-url", "key": "redis-url"}
        }


def redis_conf(*words):
    text = pick(objects(*words), "ConfigMap", "soc-redis")["data"]["redis.conf"]
    return dict(line.split(" ", 1) for line in text.splitlines())


def test_redis_keeps_what_it_has():
    conf = redis_conf()
    assert conf["appendonly"] == "yes" and conf["appendfsync"] == "everysec" and conf["maxmemory-policy"] == "noeviction"
    assert "min-replicas-to-write" not in conf
    assert redis_conf("--values", str(PRODUCTION))["min-replicas-to-write"] == "1"


@pytest.mark.parametrize(
    "limit, percent, expected",
    [("1Gi", 70, 751619276), ("4Gi", 70, 3006477107), ("512Mi", 50, 268435456), ("2G", 10, 200000000), ("1.5Gi", 50, 805306368), ("1000000", 100, 1000000)],
)
def test_maxmemory_follows_the_limit(limit, percent, expected):
    words = ("--set-string", f"redis.resources.limits.memory={limit}", "--set", f"redis.maxmemoryPercent={percent}")
    assert int(redis_conf(*words)["maxmemory"]) == expected


@pytest.mark.parametrize("option", ["local", "production"])
def test_redis_holds_what_is_kept(option):
    """What is kept, at 8 KiB each as the fault tests allow it, is less than what the APIs refuse signals at."""
    found = objects(option)
    data = pick(found, "ConfigMap", "soc-api")["data"]
    text = pick(found, "ConfigMap", "soc-redis")["data"]["redis.conf"]
    maxmemory = int(dict(line.split(" ", 1) for line in text.splitlines())["maxmemory"])
    assert int(data["SOC_RETENTION_THREATS"]) * 8192 < maxmemory * int(data["SOC_MEMORY_LIMIT_PERCENT"]) / 100


def test_redis_has_a_volume_or_says_so():
    claim = pick(objects("local"), "StatefulSet", "soc-redis")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert claim["resources"]["requests"]["storage"] == "2Gi" and "storageClassName" not in claim
    fast = pick(objects("storage class"), "StatefulSet", "soc-redis")["spec"]["volumeClaimTemplates"][0]["spec"]
    assert fast["storageClassName"] == "fast"
    without = pick(objects("no persistence"), "StatefulSet", "soc-redis")["spec"]
    assert "volumeClaimTemplates" not in without
    assert {"name": "data", "emptyDir": {}} in without["template"]["spec"]["volumes"]


def test_redis_needs_no_entrypoint_of_its_image():
    for name in ("local", "replication"):
        for of in pick(objects(name), "StatefulSet", "soc-redis")["spec"]["template"]["spec"]["containers"]:
            assert of["command"][0] == "/bin/sh"


def test_a_redis_that_loads_its_file_is_alive_and_not_ready():
    of = container(objects("local"), "StatefulSet", "soc-redis")
    assert of["livenessProbe"]["exec"]["command"] == ["redis-cli", "ping"]
    assert of["readinessProbe"]["exec"]["command"] == ["/bin/sh", "/etc/soc-redis/ready-redis.sh"]


def test_workers_follow_the_backlog_and_their_cpu():
    spec = pick(objects("local"), "HorizontalPodAutoscaler", "soc-worker")["spec"]
    external, cpu = spec["metrics"]
    assert external["external"] == {"metric": {"name": "soc_required_workers"}, "target": {"type": "AverageValue", "averageValue": "1"}}
    assert cpu["containerResource"]["container"] == "worker" and cpu["containerResource"]["target"]["type"] == "Utilization"
    assert spec["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    window = spec["behavior"]["scaleDown"]["stabilizationWindowSeconds"]
    grace = pick(objects("local"), "Deployment", "soc-worker")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert window == 300 > grace, "the HPA must not chase its own drain"


@pytest.mark.parametrize("option", ["local", "production"])
def test_cpu_counts_when_a_whole_core_is_used_up(option):
    """The target is in percent of the request; a worker uses one core at most."""
    found = objects(option)
    request = container(found, "Deployment", "soc-worker")["resources"]["requests"]["cpu"]
    cpu = pick(found, "HorizontalPodAutoscaler", "soc-worker")["spec"]["metrics"][1]["containerResource"]
    assert int(request.removesuffix("m")) * cpu["target"]["averageUtilization"] == 85_000


def test_api_follows_its_cpu():
    spec = pick(objects("local"), "HorizontalPodAutoscaler", "soc-api")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 8)
    assert spec["metrics"][0]["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def test_numbers_can_be_fixed():
    found = objects("fixed numbers")
    assert not names(found, "HorizontalPodAutoscaler")
    assert pick(found, "Deployment", "soc-api")["spec"]["replicas"] == 2
    assert pick(found, "Deployment", "soc-worker")["spec"]["replicas"] == 5


def test_keda_instead_of_the_hpa():
    found = objects("keda")
    assert names(found, "HorizontalPodAutoscaler") == {"soc-api"}
    spec = pick(found, "ScaledObject", "soc-worker")["spec"]
    prometheus, cpu = spec["triggers"]
    assert prometheus["metadata"]["query"] == 'max(soc_required_workers{namespace="threats"})'
    assert prometheus["metricType"] == "AverageValue" and prometheus["metadata"]["threshold"] == "1"
    assert prometheus["metadata"]["ignoreNullValues"] == "false", "no series must not read as no backlog"
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher" and cpu["type"] == "cpu"
    assert spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"] == pick(
        objects("local"), "HorizontalPodAutoscaler", "soc-worker"
    )["spec"]["behavior"]
    assert "replicas" not in pick(found, "Deployment", "soc-worker")["spec"]


def test_budgets():
    found = objects("local")
    assert names(found, "PodDisruptionBudget") == {"soc-api", "soc-worker"}
    for name in ("soc-api", "soc-worker"):
        budget, deployment = pick(found, "PodDisruptionBudget", name), pick(found, "Deployment", name)
        assert budget["spec"]["selector"] == deployment["spec"]["selector"] and budget["spec"]["maxUnavailable"] == 1
    assert not names(objects("no budgets"), "PodDisruptionBudget")


def test_pods_are_spread():
    for name, _, spec in pods(objects("replication")):
        if name != "soc-test":
            assert [row["topologyKey"] for row in spec["topologySpreadConstraints"]] == [
                "kubernetes.io/hostname",
                "topology.kubernetes.io/zone",
            ]


def test_placement_reaches_every_pod():
    for name, metadata, spec in pods(objects("placement")):
        assert spec["imagePullSecrets"] == [{"name": "registry"}]
        if name != "triage-test":
            assert spec["priorityClassName"] == "high" and spec["nodeSelector"] == {"disk": "fast"}
            assert spec["tolerations"] == [{"operator": "Exists"}] and spec["affinity"] == {"nodeAffinity": {}}
            assert metadata["annotations"]["team"] == "soc"
    for account in (row for row in objects("placement") if row["kind"] == "ServiceAccount"):
        assert account["metadata"]["annotations"] == {"team": "soc"}


def test_production_is_larger_and_safer():
    found = objects("production")
    for name in ("soc-api", "soc-worker"):
        scaler = pick(found, "HorizontalPodAutoscaler", name)["spec"]
        assert (scaler["minReplicas"], scaler["maxReplicas"]) == (4, 20)
        of = container(found, "Deployment", name)
        assert of["imagePullPolicy"] == "Always" and of["image"].startswith("registry.example.com/")
    assert pick(found, "ConfigMap", "soc-api")["data"]["SOC_WAIT_REPLICAS"] == "1"
    assert pick(found, "StatefulSet", "soc-redis")["spec"]["replicas"] == 3
    assert pick(found, "Ingress")["spec"]["tls"] == [{"hosts": ["soc.example.com"], "secretName": "soc-tls"}]


def test_headless_service_of_the_workers():
    spec = pick(objects("local"), "Service", "soc-worker")["spec"]
    assert spec["clusterIP"] == "None" and spec["ports"][0]["port"] == 9100


def test_selectors_hold_no_version():
    for row in objects("replication"):
        if row["kind"] in ("Deployment", "StatefulSet"):
            labels = row["spec"]["template"]["metadata"]["labels"]
            assert labels == row["spec"]["selector"]["matchLabels"]
            assert not any("version" in label or "chart" in label for label in labels)
