"""The chart's settings are those of the settings table; a change of one rolls the pods that it concerns."""

import json
import re

import pytest
import yaml

from rendering import CHART, REPOSITORY, objects, pick, refusal

# What the chart sets itself, or leaves to the ingress.
OWN = {"REDIS_URL", "SOC_HTTP_HOST", "SOC_HTTP_PORT", "SOC_TLS_CERT", "SOC_TLS_KEY", "SOC_ADMIN_HOST", "SOC_ADMIN_PORT"}
# Where it wants another default than the table's.
OTHER_DEFAULTS = {"SOC_DRAIN_DELAY_SECONDS": "5", "SOC_PUBLISH_EVENTS": "true"}


def table(program):
    """name → (default, allowed) as README.md has them, which a test of its own holds against --help."""
    text = (REPOSITORY / "README.md").read_text().split(f"\n### {program}\n", 1)[1].split("\n#", 1)[0]
    cells = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]
    assert len(cells) > 5
    return {name: (default, allowed) for name, default, allowed, _ in cells}


def values():
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema_of(component, name):
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    own = schema[component]["properties"]["settings"]["properties"]
    return own.get(name) or schema["settings"]["properties"][name]


@pytest.mark.parametrize("component", ["api", "worker"])
def test_every_setting_is_in_the_configmap_with_its_default(component):
    rows = {name: row for name, row in table(f"soc-{component}").items() if name not in OWN}
    data = pick(objects("local"), "ConfigMap", f"soc-{component}")["data"]
    assert set(data) == set(rows)
    for name, (default, _) in rows.items():
        assert data[name] == OTHER_DEFAULTS.get(name, default), name


@pytest.mark.parametrize("component", ["api", "worker"])
def test_schema_has_the_tables_bounds(component):
    for name, (_, allowed) in table(f"soc-{component}").items():
        if name in OWN:
            continue
        schema = schema_of(component, name)
        if number := re.match(r"(\d+) to (\d+)", allowed):
            assert (schema["type"], schema["minimum"], schema["maximum"]) == ("integer", int(number[1]), int(number[2])), name
        elif text := re.match(r"at most (\d+) bytes", allowed):
            assert (schema["type"], schema["maxLength"]) == ("string", int(text[1])), name
        elif schema["type"] == "boolean":
            assert allowed == "0 1 false true off on", name
        else:
            assert schema["enum"] == allowed.split(), name


def test_settings_of_both_programs_stand_once():
    common = set(values()["settings"])
    for component in ("api", "worker"):
        assert common <= set(table(f"soc-{component}"))
        assert not common & set(values()[component]["settings"])


def checksums(*words):
    found = objects(*words)
    return {
        name: pick(found, "Deployment", name)["spec"]["template"]["metadata"]["annotations"]["checksum/settings"]
        for name in ("soc-api", "soc-worker")
    }


@pytest.mark.parametrize(
    "change, rolled",
    [
        ("api.settings.SOC_RETENTION_DAYS=7", {"soc-api"}),
        ("worker.settings.SOC_BATCH_SIZE=10", {"soc-worker"}),
        ("settings.LOG_LEVEL=debug", {"soc-api", "soc-worker"}),
        ("ingress.enabled=false", set()),
    ],
)
def test_a_change_rolls_the_pods_that_it_concerns(change, rolled):
    before, after = checksums(), checksums("--set", change)
    assert {name for name in before if before[name] != after[name]} == rolled


def redis_checksum(*words):
    return pick(objects(*words), "StatefulSet")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]


def test_a_change_of_redis_configuration_rolls_redis():
    assert redis_checksum() == redis_checksum("--set", "settings.LOG_LEVEL=debug")
    assert redis_checksum() != redis_checksum("--set", "redis.maxmemoryPercent=60")
    assert redis_checksum("--set", "redis.architecture=replication") != redis_checksum(
        "--set", "redis.architecture=replication,redis.sentinel.quorum=3"
    )


def test_large_numbers_are_written_out():
    data = pick(objects("--set", "api.settings.SOC_OUTSTANDING_LIMIT=1000000000"), "ConfigMap", "soc-api")["data"]
    assert data["SOC_OUTSTANDING_LIMIT"] == "1000000000"


@pytest.mark.parametrize(
    "value, said",
    [
        ("api.replicaCount=many", "/api/replicaCount"),
        ("api.replicacount=3", "replicacount"),
        ("worker.hpa.minReplicas=0", "/worker/hpa/minReplicas"),
        ("api.image.pullPolicy=Sometimes", "/api/image/pullPolicy"),
        ("redis.architecture=cluster", "/redis/architecture"),
        ("redis.maxmemoryPercent=101", "/redis/maxmemoryPercent"),
        ("redis.replication.replicaCount=2", "/redis/replication/replicaCount"),
        ("settings.LOG_LEVEL=loud", "/settings/LOG_LEVEL"),
        ("settings.SOC_BATCH_SIZE=5", "SOC_BATCH_SIZE"),
        ("worker.settings.SOC_BATCH_SIZE=0", "/worker/settings/SOC_BATCH_SIZE"),
        ("api.settings.REDIS_URL=redis://elsewhere", "REDIS_URL"),
        ("api.resources.limits.memory=lots", "/api/resources/limits/memory"),
        ("monitoring.mode=loud", "/monitoring/mode"),
        ("worker.settings.SOC_SUSPECT_MS=400", "SOC_SUSPECT_MS"),
        ("api.settings.SOC_WAIT_REPLICAS=1", "SOC_WAIT_REPLICAS"),
        ("worker.keda.enabled=true", "worker.hpa.enabled"),
        ("worker.hpa.minReplicas=9", "worker.hpa.maxReplicas"),
        ("redis.enabled=false", "redis.external.existingSecret"),
        ("ingress.tls.enabled=true", "ingress.tls.secretName"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(value, said):
    assert said in refusal("--set", value)


def test_every_object_of_the_schema_is_closed():
    free = set()

    def walk(node, path):
        if node.get("type") == "object" and node.get("additionalProperties") is not False:
            free.add(path.split(".")[-1])
        for name, child in node.get("properties", {}).items():
            walk(child, f"{path}.{name}")

    walk(json.loads((CHART / "values.schema.json").read_text()), "")
    # Free maps of Kubernetes' own, and what Helm hands to every subchart.
    assert free == {"global", "annotations", "podAnnotations", "nodeSelector", "affinity", "labels"}


def leaves(value, schema, path=()):
    if isinstance(value, dict) and "description" not in schema:
        for name in value:
            yield from leaves(value[name], schema["properties"][name], (*path, name))
    else:
        yield ".".join(path), value, schema["description"]


def test_readme_has_the_values():
    schema = json.loads((CHART / "values.schema.json").read_text())
    rows = []
    for name, value, meaning in leaves(values(), schema):
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        rows.append(f"| `{name}` | {f'`{shown}`' if shown else ''} | {meaning} |")
    text = (CHART / "README.md").read_text().split("\n## Values\n", 1)[1].split("\n## ", 1)[0]
    expected = "\n".join(rows)
    assert [line for line in text.splitlines() if line.startswith("| `")] == rows, f"the table should be\n{expected}"


def test_values_of_production_are_values():
    def walk(over, under, path):
        for name, value in over.items():
            assert name in under, f"{path}.{name}"
            if isinstance(value, dict) and isinstance(under[name], dict) and name != "annotations":
                walk(value, under[name], f"{path}.{name}")

    walk(yaml.safe_load((CHART / "values-production.yaml").read_text()), values(), "")
