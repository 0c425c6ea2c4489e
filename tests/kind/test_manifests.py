"""The manifests of kind/, read."""

import re

import pytest
import yaml

from stubs import REPOSITORY, addon_images

KIND = REPOSITORY / "kind"
LABEL = {"app.kubernetes.io/managed-by": "soc-kind"}
OBJECTS = [(path.stem, item) for path in sorted((KIND / "addons").glob("*.yaml")) for item in yaml.safe_load_all(path.read_text())]
DEPLOYMENTS = {name: item for name, item in OBJECTS if item["kind"] == "Deployment"}


def named(item):
    return f"{item['kind']}/{item['metadata']['name']}"


def test_the_cluster_has_three_nodes_and_the_ports_of_the_readme():
    config = yaml.safe_load((KIND / "kind-config.yaml").read_text())
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    ports = {port["containerPort"]: port["hostPort"] for port in config["nodes"][0]["extraPortMappings"]}
    assert ports == {80: 8080, 443: 8443}
    assert all(port["listenAddress"] == "127.0.0.1" for port in config["nodes"][0]["extraPortMappings"])


def test_the_ingress_controller_goes_where_the_ports_are():
    config = yaml.safe_load((KIND / "kind-config.yaml").read_text())
    spec = DEPLOYMENTS["traefik"]["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == config["nodes"][0]["labels"]
    assert {port["hostPort"] for port in spec["containers"][0]["ports"] if "hostPort" in port} == {80, 443}


@pytest.mark.parametrize("name, item", OBJECTS, ids=lambda value: value if isinstance(value, str) else named(value))
def test_everything_has_the_label_that_teardown_goes_by(name, item):
    assert LABEL.items() <= item["metadata"]["labels"].items()


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS))
def test_add_ons_are_pinned_small_and_without_rights(name):
    assert re.fullmatch(r"v\d+\.\d+\.\d+", addon_images()[name].rpartition(":")[2])
    spec = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "memory" in container["resources"]["limits"] and {"readinessProbe", "livenessProbe"} <= set(container)


def test_prometheus_is_that_of_the_whole_stack():
    stack = yaml.safe_load(re.sub(r"\$\{\w+\}", "x", (REPOSITORY / "docker-compose.yml").read_text()))
    assert addon_images()["prometheus"] == stack["services"]["prometheus"]["image"]


def test_the_adapter_s_rule_is_the_chart_s_and_names_a_metric_of_ours():
    (config,) = [item for name, item in OBJECTS if named(item) == "ConfigMap/prometheus-adapter"]
    ours = yaml.safe_load(config["data"]["config.yaml"])
    assert ours == yaml.safe_load((REPOSITORY / "helm/soc-agent/files/prometheus-adapter.yaml").read_text())
    (rule,) = ours["externalRules"]
    metric = rule["seriesQuery"].partition("{")[0]
    assert f'{{"{metric}",' in (REPOSITORY / "shared/telemetry/metrics.c").read_text()


def test_every_deployment_is_waited_for_where_it_is():
    deploy = (KIND / "deploy.sh").read_text()
    function = deploy[deploy.index("namespace_of() {") :].partition("esac")[0]
    values = dict(re.findall(r" (\w+)=([\w-]+)", (KIND / "common.sh").read_text()))
    told = {name: values.get(word.lstrip("$"), word) for name, word in re.findall(r"(\S+)\) echo (\S+) ;;", function + ";;")}
    for name, item in DEPLOYMENTS.items():
        assert item["metadata"]["namespace"] == told.get(name, told["*"]), name
