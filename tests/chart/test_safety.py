"""Secrets, rights, the network, and what the validators say."""

import base64
import json
import shutil
import subprocess

import pytest
import yaml

from rendering import OPTIONS, REPOSITORY, helm, names, objects, pick, pods

WITH_CRDS = {"ServiceMonitor", "PrometheusRule", "ScaledObject"}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_pod_is_restricted(option):
    """The fields that the restricted Pod Security Standard asks for."""
    seen = 0
    for name, _, spec in pods(objects(option)):
        pod = spec["securityContext"]
        assert pod["runAsNonRoot"] is True and pod["runAsUser"] > 0 and pod["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all(set(volume) - {"name"} <= {"configMap", "emptyDir", "secret"} for volume in spec.get("volumes", [])), name
        for of in [*spec["containers"], *spec.get("initContainers", [])]:
            assert of["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert set(of["resources"]) == {"requests", "limits"}
            assert not any("hostPort" in port for port in of.get("ports", []))
            seen += 1
    assert seen >= 3


@pytest.mark.parametrize("option", OPTIONS)
def test_no_pod_has_a_token(option):
    found = objects(option)
    accounts = {row["metadata"]["name"]: row for row in found if row["kind"] == "ServiceAccount"}
    for name, _, spec in pods(found):
        assert spec["automountServiceAccountToken"] is False, name
        assert accounts[spec["serviceAccountName"]]["automountServiceAccountToken"] is False


@pytest.mark.parametrize("option", ["local", "replication"])
def test_passwords_are_in_the_secret_alone(option):
    found = objects(option)
    data = pick(found, "Secret", "soc-redis")["data"]
    assert set(data) == {"redis-password", "redis-admin-password"}
    secrets = [base64.b64decode(value).decode() for value in data.values()]
    assert len(set(secrets)) == 2 and all(len(secret) == 40 and secret.isalnum() for secret in secrets)
    text = json.dumps([row for row in found if row["kind"] != "Secret"])
    for secret, coded in zip(secrets, data.values()):
        assert secret not in text and coded not in text


def test_passwords_from_elsewhere_make_no_secret():
    found = objects("passwords from elsewhere")
    assert not names(found, "Secret")
    for name, _, spec in pods(found):
        for of in spec["containers"]:
            for row in of.get("env", []):
                assert "secretKeyRef" not in row.get("valueFrom", {}) or row["valueFrom"]["secretKeyRef"]["name"] == "mine", name


@pytest.mark.parametrize("option", OPTIONS)
def test_configmaps_hold_no_url(option):
    for row in objects(option):
        if row["kind"] == "ConfigMap":
            assert "REDIS_URL" not in row["data"]


def policies(option):
    return {row["metadata"]["name"]: row["spec"] for row in objects(option) if row["kind"] == "NetworkPolicy"}


def components(peers):
    return {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] for peer in peers}


def test_nothing_but_what_is_needed_goes_over_the_network():
    rules = policies("local")
    assert set(rules) == {"soc-default", "soc-api", "soc-worker", "soc-redis", "soc-test"}
    default = rules["soc-default"]
    assert default["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "soc-agent", "app.kubernetes.io/instance": "soc"}
    assert default["policyTypes"] == ["Ingress", "Egress"] and "ingress" not in default
    assert {port["port"] for rule in default["egress"] for port in rule["ports"]} == {53}
    assert components(rules["soc-redis"]["ingress"][0]["from"]) == {"api", "worker", "redis"}
    for name in ("soc-api", "soc-worker", "soc-redis"):
        assert len(rules[name]["egress"]) == 1 and components(rules[name]["egress"][0]["to"]) == {"redis"}
    assert components(rules["soc-test"]["egress"][0]["to"]) == {"api"}


def test_peers_can_be_named():
    rules = policies("named peers")
    assert rules["soc-api"]["ingress"][0]["from"][1:] == [{"namespaceSelector": {}}]
    assert components(rules["soc-api"]["ingress"][0]["from"][:1]) == {"test"}, "helm test must get through"
    assert rules["soc-worker"]["ingress"][0]["from"] == [{"podSelector": {}}]
    assert {"ipBlock": {"cidr": "10.0.0.0/8"}} in rules["soc-redis"]["ingress"][0]["from"]


@pytest.mark.parametrize(
    "endpoint, port", [("http://collector:4318", 4318), ("https://collector", 443), ("http://collector/v1", 80), ("http://10.0.0.1:55681/x", 55681)]
)
def test_the_collector_can_be_reached(endpoint, port):
    found = objects("--set", f"settings.OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}")
    for name in ("soc-api", "soc-worker"):
        assert pick(found, "NetworkPolicy", name)["spec"]["egress"][1] == {"ports": [{"protocol": "TCP", "port": port}]}


def test_an_external_redis_can_be_reached():
    rules = policies("redis elsewhere")
    assert "soc-redis" not in rules
    assert [port["port"] for port in rules["soc-api"]["egress"][0]["ports"]] == [6379, 26379]


def test_the_network_can_be_open():
    assert not policies("open network")


def test_the_ingress_serves_the_contract_but_metrics_and_administration():
    paths = [(row["path"], row["pathType"]) for row in pick(objects("local"), "Ingress")["spec"]["rules"][0]["http"]["paths"]]

    def served(path):
        return any(path == prefix or (kind == "Prefix" and path.startswith(prefix + "/")) for prefix, kind in paths)

    contract = yaml.safe_load((REPOSITORY / "schemas/openapi.yaml").read_text())["paths"]
    outside = {path for path in contract if path != "/metrics" and not path.startswith("/api/admin/")}
    assert len(outside) > 15 and all(served(path) for path in outside), [path for path in outside if not served(path)]
    assert served("/") and not served("/metrics") and not served("/api/admin/log-level")
    assert not names(objects("no ingress"), "Ingress")


def test_scraping_without_an_operator():
    found = objects("local")
    ports = {name: metadata["annotations"].get("prometheus.io/port") for name, metadata, _ in pods(found)}
    assert ports == {"soc-api": "8000", "soc-worker": "9100", "soc-redis": None, "soc-test": None}
    assert set(pick(found, "ConfigMap", "soc-rules")["data"]) == {"soc-alerts.yaml", "soc-recording.yaml"}
    assert not names(found, "ServiceMonitor") and not names(found, "PrometheusRule")


def test_scraping_with_an_operator():
    found = objects("operator")
    assert names(found, "ServiceMonitor") == {"soc-api", "soc-worker"} and "soc-rules" not in names(found, "ConfigMap")
    for name in ("soc-api", "soc-worker"):
        monitor, service = pick(found, "ServiceMonitor", name), pick(found, "Service", name)
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        assert wanted <= service["metadata"]["labels"].items()
        assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
        assert monitor["spec"]["endpoints"][0]["relabelings"] == [{"targetLabel": "job", "replacement": name}]
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert not any("prometheus.io/scrape" in metadata["annotations"] for _, metadata, _ in pods(found))
    groups = [group["name"] for group in pick(found, "PrometheusRule")["spec"]["groups"]]
    files = [yaml.safe_load((REPOSITORY / f"helm/soc-agent/rules/{name}.yaml").read_text()) for name in ("recording", "alerts")]
    assert groups == [group["name"] for file in files for group in file["groups"]]


def test_dashboards_are_found_by_their_label():
    shown = {}
    for row in objects("local"):
        if row["metadata"]["labels"].get("grafana_dashboard") == "1":
            shown.update(row["data"])
    files = (REPOSITORY / "helm/soc-agent/dashboards").glob("*.json")
    assert len(shown) == 4 and shown == {f"soc-{path.name}": path.read_text() for path in files}


def test_monitoring_can_be_off():
    found = objects("no monitoring")
    assert not [row for row in found if row["metadata"]["labels"]["app.kubernetes.io/component"] in ("dashboard", "rules")]
    assert not any("prometheus.io/scrape" in metadata["annotations"] for _, metadata, _ in pods(found))
    less = objects("no dashboards or rules")
    assert names(less, "ConfigMap") == {"soc-api", "soc-worker", "soc-redis"}


def test_the_adapter_rule_names_the_metric_that_the_hpa_follows():
    rule, = yaml.safe_load((REPOSITORY / "helm/soc-agent/files/prometheus-adapter.yaml").read_text())["externalRules"]
    metric = pick(objects("local"), "HorizontalPodAutoscaler", "soc-worker")["spec"]["metrics"][0]["external"]["metric"]["name"]
    assert rule["seriesQuery"].startswith(metric + "{") and rule["metricsQuery"].startswith("max(")


def test_helm_test_posts_a_threat():
    pod = pick(objects("production"), "Pod", "soc-test")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test" and pod["spec"]["restartPolicy"] == "Never"
    of = pod["spec"]["containers"][0]
    assert of["image"] == "registry.example.com/soc-api:0.1.0" and "/api/threats" in of["args"][0]
    assert {row["name"]: row["value"] for row in of["env"]} == {"API_HOST": "soc-api", "API_PORT": "8000"}


@pytest.mark.parametrize("option", ["local", "production"])
def test_lint(option):
    done = helm("lint", "--strict", *OPTIONS[option])
    assert done.returncode == 0, done.stdout + done.stderr


def test_kubernetes_knows_every_field(tmp_path):
    """Against the published schemas; kinds of others' CRDs have none there."""
    command = shutil.which("kubernetes-validate")
    if command is None:
        pytest.skip("kubernetes-validate is not installed (pip install kubernetes-validate)")
    files = []
    for option in OPTIONS:
        kept = [row for row in objects(option) if row["kind"] not in WITH_CRDS]
        files.append(tmp_path / f"{option.replace(' ', '-')}.yaml")
        files[-1].write_text("---\n".join(json.dumps(row) + "\n" for row in kept))
    done = subprocess.run([command, "--strict", *map(str, files)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


def kubectl(*words, **options):
    return subprocess.run(["kubectl", *words], capture_output=True, text=True, timeout=60, check=False, **options)


@pytest.fixture(scope="module")
def server():
    """The words that name a cluster's API server, when one answers."""
    if shutil.which("kubectl") is None or kubectl("get", "--raw", "/readyz", "--request-timeout=3s").returncode != 0:
        pytest.skip("no cluster answers kubectl")
    return ("--dry-run=server", "--namespace", "default")


@pytest.mark.parametrize("option", OPTIONS)
def test_the_api_server_takes_it(server, option):
    known = kubectl("api-resources", "--output=name").stdout
    kept = [row for row in objects(option) if row["kind"] not in WITH_CRDS or f"{row['kind'].lower()}s." in known]
    for row in kept:
        if row["kind"] == "Pod":
            del row["spec"]["serviceAccountName"]  # which a dry run has not made
    done = kubectl("create", *server, "--filename=-", input="---\n".join(json.dumps(row) + "\n" for row in kept))
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.splitlines()) == len(kept)
