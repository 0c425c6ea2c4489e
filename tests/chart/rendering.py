"""The chart as Helm renders it, and the sets of values that must all come out right."""

import functools
import json
import pathlib
import shutil
import subprocess

import yaml

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "helm/soc-agent"
PRODUCTION = CHART / "values-production.yaml"
KUBERNETES = "1.34.0"
OPERATOR = "monitoring.coreos.com/v1/ServiceMonitor"
LIMIT_S = 60
BUILD_LIMIT_S = 300

# Every option on and off: name → the words that Helm gets.
OPTIONS = {
    "local": (),
    "production": ("--values", str(PRODUCTION)),
    "replication": ("--set", "redis.architecture=replication,api.settings.SOC_WAIT_REPLICAS=2"),
    "redis elsewhere": ("--set", "redis.enabled=false,redis.external.existingSecret=soc-redis-url"),
    "passwords from elsewhere": ("--set", "redis.auth.existingSecret=mine"),
    "no persistence": ("--set", "redis.persistence.enabled=false"),
    "storage class": ("--set", "redis.persistence.storageClass=fast"),
    "fixed numbers": ("--set", "api.hpa.enabled=false,worker.hpa.enabled=false,worker.replicaCount=5"),
    "keda": ("--set", "worker.hpa.enabled=false,worker.keda.enabled=true"),
    "no ingress": ("--set", "ingress.enabled=false"),
    "tls": ("--set", "ingress.tls.enabled=true,ingress.tls.secretName=soc-tls,ingress.className=nginx"),
    "open network": ("--set", "networkPolicy.enabled=false"),
    "named peers": (
        "--set-json",
        'networkPolicy={"apiFrom":[{"namespaceSelector":{}}],"metricsFrom":[{"podSelector":{}}],"redisFrom":[{"ipBlock":{"cidr":"10.0.0.0/8"}}]}',
    ),
    "operator": ("--api-versions", OPERATOR, "--set", "monitoring.labels.release=prometheus"),
    "no monitoring": ("--set", "monitoring.mode=none"),
    "no dashboards or rules": ("--set", "monitoring.dashboards.enabled=false,monitoring.rules.enabled=false"),
    "no budgets": ("--set", "api.pdb.enabled=false,worker.pdb.enabled=false"),
    "collector": ("--set", "settings.OTEL_EXPORTER_OTLP_ENDPOINT=http://collector.tracing:4318"),
    "placement": (
        "--set-json",
        ",".join(
            f'{part}={{"priorityClassName":"high","nodeSelector":{{"disk":"fast"}},"tolerations":[{{"operator":"Exists"}}],'
            '"affinity":{"nodeAffinity":{}},"podAnnotations":{"team":"soc"}}'
            for part in ("api", "worker", "redis")
        ),
        "--set-json",
        'imagePullSecrets=[{"name":"registry"}]',
        "--set",
        "serviceAccount.annotations.team=soc,fullnameOverride=triage",
    ),
}


@functools.lru_cache(maxsize=None)
def find_helm():
    """On PATH, or built once from the Go module in tests/tools/helm."""
    found = shutil.which("helm")
    if found:
        return found
    told = subprocess.run([REPOSITORY / "scripts/build-tools", "--where"], capture_output=True, text=True, check=True, timeout=LIMIT_S)
    built = pathlib.Path(told.stdout.strip()) / "helm"
    made = subprocess.run(["timeout", str(BUILD_LIMIT_S), REPOSITORY / "scripts/build-tools", "helm"], capture_output=True, check=False)
    return str(built) if made.returncode == 0 else None


def helm(*words, chart=CHART):
    command = [find_helm(), words[0], *(("soc",) if words[0] == "template" else ()), str(chart), "--kube-version", KUBERNETES, *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@functools.lru_cache(maxsize=None)
def rendered(*words):
    done = helm("template", "--namespace", "threats", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@functools.lru_cache(maxsize=None)
def parsed(*words):
    return json.dumps([found for found in yaml.load_all(rendered(*words), yaml.CSafeLoader) if found])


def objects(*words):
    """Of a set by its name, or of words for Helm; the caller's own, to change."""
    if len(words) == 1 and words[0] in OPTIONS:
        words = OPTIONS[words[0]]
    return json.loads(parsed(*words))


def pick(found, kind, name=None):
    """The one object of this kind (and name)."""
    chosen = [row for row in found if row["kind"] == kind and (name is None or row["metadata"]["name"] == name)]
    assert len(chosen) == 1, f"{kind} {name}: {[row['metadata']['name'] for row in found if row['kind'] == kind]}"
    return chosen[0]


def names(found, kind):
    return {row["metadata"]["name"] for row in found if row["kind"] == kind}


def pods(found):
    """(name, metadata, spec) of every pod that the objects would make."""
    for row in found:
        if row["kind"] in ("Deployment", "StatefulSet"):
            template = row["spec"]["template"]
            yield row["metadata"]["name"], template["metadata"], template["spec"]
        elif row["kind"] == "Pod":
            yield row["metadata"]["name"], row["metadata"], row["spec"]


def refusal(*words):
    """What Helm says when it will not have the values."""
    done = helm("template", *words)
    assert done.returncode != 0, f"{words} was taken"
    return done.stderr
