"""Installing, upgrading, rolling back and removing; what a user sees when something is wrong."""

import json
import re

import pytest

from cluster import CHART, POLL_S, RELEASE
from rendering import OPTIONS, objects
from waiting import wait_until

INSTALL_LIMIT_S = 60
STUB_CRDS = {
    "servicemonitors.monitoring.coreos.com": ("ServiceMonitor", "v1"),
    "prometheusrules.monitoring.coreos.com": ("PrometheusRule", "v1"),
    "scaledobjects.keda.sh": ("ScaledObject", "v1alpha1"),
}


@pytest.fixture(scope="module")
def release(make_release):
    return make_release("integration")


def test_install_is_ready_within_a_minute(release, report):
    seconds = release.install()
    report.say(f"helm install --wait: {seconds:.1f} s")
    assert seconds <= INSTALL_LIMIT_S
    release.wait_ready("api", 2)
    assert len(release.ready("worker")) >= 1 and release.ready("redis") == ["soc-redis-0"]


def test_helm_test_is_green(release, report):
    told = release.helm("test", RELEASE, "--logs").stdout
    report.say(re.search(r"threat .* was taken, analysed and stored", told)[0])


def test_programs_are_confined(release):
    for component in ("api", "worker"):
        for pod in release.names(component):
            status = release.kubectl("exec", pod, "--", "cat", "/proc/1/status").stdout
            first = {line.split(":")[0]: line.split(":")[1].split() for line in status.splitlines() if ":" in line}
            assert first["Name"] == [f"soc-{component}"] and set(first["Uid"]) == {"65532"}
            assert int(first["CapEff"][0], 16) == 0 and first["NoNewPrivs"] == ["1"] and first["Seccomp"] == ["2"]


def agreed(first, *others):
    return all(other == first for other in others) and first


def test_xinfo_agrees_with_the_backlog_and_the_metrics(release, report):
    release.wait_idle()
    pod = release.names("api")[0]

    def redis_says():
        told = release.redis_cli("XINFO", "GROUPS", "threats:stream").split()
        group = dict(zip(told[::2], told[1::2]))
        return int(group["lag"]), int(group["pending"]), int(release.redis_cli("XLEN", "threats:stream"))

    def backlog_says():
        backlog = release.backlog()
        return backlog["lag"], backlog["pending"], backlog["length"]

    def metrics_say():
        return tuple(release.metric(pod, 8000, name) for name in ("soc_stream_lag", "soc_stream_pending", "soc_stream_length"))

    # Three readings, and once a second what is finished is trimmed: between two trims they are the same.
    lag, pending, length = wait_until(lambda: agreed(redis_says(), backlog_says(), metrics_say()), 20, "all three agree", POLL_S)
    report.say(f"XINFO, /api/backlog and /metrics: lag {lag}, pending {pending}, length {length}")


def knock(release, name, address, wanted):
    """What a pod that is none of the release's finds the port: open or closed. Policies reach a new pod a moment after its start, so
    it tries again, for some seconds, until that is what is wanted."""
    pod = next(row for row in objects("local") if row["kind"] == "Pod")
    pod["metadata"] = {"name": name, "labels": {"soc-test": name}}
    container, image = pod["spec"]["containers"][0], release.pods("api")[0]["spec"]["containers"][0]
    attempt = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}' && told=open || told=closed"
    words = f"for _ in 1 2 3 4 5 6; do {attempt}; [ $told != {wanted} ] || break; sleep 1; done; echo $told"
    container.update(image=image["image"], imagePullPolicy=image["imagePullPolicy"], args=[words])
    release.kubectl("apply", "--filename=-", input=json.dumps(pod))
    wait_until(lambda: release.get("pod", name)["status"]["phase"] in ("Succeeded", "Failed"), 60, f"{name} ends", POLL_S)
    told = release.kubectl("logs", name).stdout.split()
    release.kubectl("delete", "pod", name)
    return told[-1]


def test_nobody_else_reaches_redis(release, report):
    silent = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "silent"},
        "spec": {"podSelector": {"matchLabels": {"soc-test": "silent"}}, "policyTypes": ["Egress"]},
    }
    release.kubectl("apply", "--filename=-", input=json.dumps(silent))
    found = knock(release, "silent", "soc-api/8000", "closed")
    release.kubectl("delete", "networkpolicy", "silent")
    if found == "open":
        pytest.skip("this cluster does not enforce network policies")
    api, redis = knock(release, "stranger", "soc-api/8000", "open"), knock(release, "stranger", "soc-redis/6379", "closed")
    report.say(f"a pod of nobody's finds the API's port {api}, that of Redis {redis}")
    assert (api, redis) == ("open", "closed")


def test_upgrade_keeps_the_password_and_rolls_what_changed(release, report):
    password = release.password()
    apis, workers = set(release.names("api")), set(release.names("worker"))
    uid = release.get("pod", "soc-redis-0")["metadata"]["uid"]
    seconds = release.upgrade("--set", "api.settings.SOC_RETENTION_DAYS=30")
    report.say(f"helm upgrade of an API setting: {seconds:.1f} s")
    assert release.password() == password
    assert not apis & set(release.names("api")), "the APIs have the new setting"
    assert workers & set(release.names("worker")), "workers have nothing to do with it"
    assert release.get("pod", "soc-redis-0")["metadata"]["uid"] == uid


def test_rollback(release, report):
    stored = release.backlog()["completed"]
    release.helm("rollback", RELEASE, "--wait", "--timeout", "180s")
    assert release.get("configmap", "soc-api")["data"]["SOC_RETENTION_DAYS"] == "90"
    release.wait_answering()
    assert release.backlog()["completed"] == stored > 0
    report.say(f"helm rollback: the setting is back, {stored} threats still there")


def waiting_reason(release, component):
    for pod in release.pods(component):
        for row in pod["status"].get("containerStatuses", []):
            if "waiting" in row["state"]:
                yield row["state"]["waiting"].get("reason", ""), row["state"]["waiting"].get("message", "")


def wait_reason(release, component, reason, naming="", limit_s=90):
    """kubelet may say first that it does not know yet."""
    def seen():
        return [message for told, message in waiting_reason(release, component) if told == reason and naming in message]

    return wait_until(seen, limit_s, f"{component} is {reason}", POLL_S)[0]


def test_a_missing_secret_is_named(make_release, report):
    missing = make_release("secret", "--set", "redis.enabled=false,redis.external.existingSecret=absent")
    notes = missing.helm("install", RELEASE, CHART, *missing.values).stdout
    assert "WARNING: there is no Secret absent" in notes
    message = wait_reason(missing, "worker", "CreateContainerConfigError", naming="absent")
    report.say(f"kubectl: {message}")
    missing.remove()


def test_a_wrong_url_is_named(make_release, report):
    wrong = make_release("url", "--set", "redis.enabled=false,redis.external.existingSecret=url")
    wrong.kubectl("create", "secret", "generic", "url", "--from-literal=redis-url=http://redis:6379")
    wrong.install(wait=False)
    wait_reason(wrong, "worker", "CrashLoopBackOff")
    log = wrong.kubectl("logs", f"pod/{wrong.names('worker')[0]}").stdout
    assert "REDIS_URL" in log and "http://redis" not in log
    report.say(f"kubectl logs: {log.strip()}")
    wrong.remove()


def test_an_image_that_cannot_be_pulled_is_named(make_release, report):
    absent = make_release("image", "--set-string", "worker.image.tag=absent")
    absent.install(wait=False)

    def seen():
        return [message for reason, message in waiting_reason(absent, "worker") if reason in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")]

    message = wait_until(seen, 120, "the image is missed", POLL_S)[0]
    assert "absent" in message
    report.say(f"kubectl: {message[:200]}")
    absent.remove()


def test_the_api_server_takes_every_option(release, cluster, report):
    """Kinds of others by stubs of their CRDs, where the cluster has none."""
    stubs = []
    for name, (kind, version) in STUB_CRDS.items():
        if cluster.kubectl("get", "crd", name, check=False).returncode != 0:
            plural, _, group = name.partition(".")
            schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
            crd = {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": name},
                "spec": {
                    "group": group,
                    "scope": "Namespaced",
                    "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
                    "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
                },
            }
            cluster.kubectl("apply", "--filename=-", input=json.dumps(crd))
            cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
            stubs.append(name)
    try:
        count = 0
        for option in OPTIONS:
            found = [row for row in objects(option) if row["kind"] != "Pod"]
            for row in found:
                row["metadata"]["name"] = "dry-" + row["metadata"]["name"]
            text = "---\n".join(json.dumps(row) + "\n" for row in found)
            told = release.kubectl("create", "--dry-run=server", "--filename=-", input=text)
            assert "violate PodSecurity" not in told.stderr, f"{option}: {told.stderr}"
            count += len(told.stdout.splitlines())
        report.say(f"{len(OPTIONS)} sets of values, {count} objects taken by --dry-run=server, none beyond restricted")
    finally:
        for name in stubs:
            cluster.kubectl("delete", "crd", name)


def test_uninstall_leaves_the_data_alone(release, report):
    release.helm("uninstall", RELEASE, "--wait")
    left = release.get("all,configmap,secret,pvc,ingress,networkpolicy,pdb,hpa,serviceaccount")["items"]
    names = {
        f"{row['kind']}/{row['metadata']['name']}"
        for row in left
        if row["metadata"]["name"] not in ("kube-root-ca.crt", "default") and "deletionTimestamp" not in row["metadata"]
    }
    report.say(f"left by helm uninstall: {', '.join(sorted(names))}")
    assert names - {"Pod/soc-test"} == {"PersistentVolumeClaim/data-soc-redis-0"}
