"""The cluster under test: kubectl and helm with their context, releases in namespaces of their own, and what they hold."""

import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import time
import urllib.parse

import redis
import requests

from processes import REPOSITORY
from waiting import wait_until

CHART = REPOSITORY / "helm/soc-agent"
SECRET = "soc-redis"
RELEASE = "soc"
HOST = "soc"  # what the fault tests' producer and watchers ask for; another release may answer to any host
POLL_S = 0.5


def run(*words, check=True, limit_s=300, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=limit_s, check=False, **options)
    assert not check or done.returncode == 0, f"{' '.join(map(str, words))}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done


def split_image(image):
    repository, _, tag = image.rpartition(":")
    return repository, tag


def image_values():
    """`--set` words that name the images under test."""
    words = []
    for part in ("api", "worker", "redis"):
        repository, tag = split_image(os.environ[f"{part.upper()}_IMAGE"])
        words += ["--set-string", f"{part}.image.repository={repository},{part}.image.tag={tag}"]
    return words


class Cluster:
    def __init__(self):
        self.context = os.environ["SOC_CLUSTER_CONTEXT"]
        self.url = os.environ["SOC_CLUSTER_URL"]
        self.keep = os.environ["SOC_CLUSTER_KEEP"] == "yes"

    def kubectl(self, *words, **options):
        return run("kubectl", "--context", self.context, *words, **options)

    def helm(self, *words, **options):
        return run("helm", "--kube-context", self.context, *words, **options)

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "--output=json").stdout)

    def nodes(self):
        return [row["metadata"]["name"] for row in self.get("nodes")["items"] if not row["spec"].get("unschedulable")]

    @property
    def address(self):
        """HOST:PORT of the ingress, the host as an IPv4 address."""
        parts = urllib.parse.urlsplit(self.url)
        return f"{socket.gethostbyname(parts.hostname)}:{parts.port or 80}"


class Release:
    """One installation of the chart, named soc, in a namespace that allows restricted pods alone."""

    def __init__(self, cluster, name, values=()):
        self.cluster = cluster
        self.namespace = f"soc-test-{name}"
        self.values = [*image_values(), "--set-json", f'ingress.hosts=[{{"host":"{HOST}"}}]', *values]
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Host"] = HOST

    def kubectl(self, *words, **options):
        return self.cluster.kubectl("--namespace", self.namespace, *words, **options)

    def get(self, *words):
        return self.cluster.get("--namespace", self.namespace, *words)

    def helm(self, *words, **options):
        return self.cluster.helm("--namespace", self.namespace, *words, **options)

    def make_namespace(self):
        self.remove()
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")

    def install(self, *values, wait=True):
        """Seconds that it took."""
        started = time.monotonic()
        self.helm("install", RELEASE, CHART, *self.values, *values, *(["--wait", "--timeout", "180s"] if wait else []))
        return time.monotonic() - started

    def upgrade(self, *values, chart=CHART):
        started = time.monotonic()
        self.helm("upgrade", RELEASE, chart, *self.values, *values, "--wait", "--timeout", "240s")
        return time.monotonic() - started

    def remove(self):
        """With its volumes, also those that outlive their claims."""
        if self.cluster.kubectl("get", "namespace", self.namespace, check=False).returncode != 0:
            return
        self.helm("uninstall", RELEASE, "--ignore-not-found", "--wait")
        self.kubectl("delete", "pods", "--all", "--wait=true")
        self.cluster.kubectl("delete", "namespace", self.namespace, "--wait=true")

    def save_logs(self, folder):
        """What its pods' containers have said, and those before them in the same pods; what Kubernetes says of all."""
        folder.mkdir(parents=True, exist_ok=True)
        for pod in self.get("pods")["items"]:
            for container in pod["spec"]["containers"]:
                for which, words in (("", ()), (".previous", ("--previous",))):
                    name = pod["metadata"]["name"]
                    said = self.kubectl("logs", name, "--container", container["name"], "--timestamps", *words, check=False)
                    if said.returncode == 0:
                        (folder / f"{name}.{container['name']}{which}.log").write_text(said.stdout, encoding="utf-8")
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False)
        (folder / "events.txt").write_text(events.stdout, encoding="utf-8")

    # --- pods ---

    def pods(self, component):
        """Those that are not about to go, the oldest first."""
        rows = self.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        rows = [row for row in rows if "deletionTimestamp" not in row["metadata"]]
        return sorted(rows, key=lambda row: (row["metadata"]["creationTimestamp"], row["metadata"]["name"]))

    def names(self, component):
        return [row["metadata"]["name"] for row in self.pods(component)]

    def ready(self, component):
        return [row["metadata"]["name"] for row in self.pods(component) if is_ready(row)]

    def wait_ready(self, component, count, limit_s=120):
        wait_until(lambda: len(self.ready(component)) >= count, limit_s, f"{count} {component} pods are ready", POLL_S)

    def kill(self, *pods):
        """By force: no SIGTERM that a program could use."""
        self.kubectl("delete", "pod", *pods, "--grace-period=0", "--force", "--wait=false")

    def restarts(self, component):
        return sum(row["restartCount"] for pod in self.pods(component) for row in pod["status"].get("containerStatuses", []))

    # --- what it answers ---

    def ask(self, path, **options):
        return self.http.request(options.pop("method", "GET"), self.cluster.url + path, timeout=30, **options)

    def wait_answering(self, limit_s=60):
        def answers():
            with contextlib.suppress(requests.RequestException):
                return self.ask("/ready").status_code == 200
            return False

        wait_until(answers, limit_s, f"{self.cluster.url}/ready is 200", POLL_S)

    def backlog(self):
        return self.ask("/api/backlog").json()

    def wait_idle(self, limit_s=120):
        told = {}

        def idle():
            with contextlib.suppress(requests.RequestException, ValueError, KeyError):
                told.update(self.backlog())
                # After a failover Redis may not know the lag; the account does.
                return told["pending"] == 0 and told["received"] == told["completed"] + told["failed"]
            return False

        try:
            wait_until(idle, limit_s, "nothing waits", POLL_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {told}") from None

    def metric(self, pod, port, name):
        """As the pod's /metrics has it, summed over its labels; None when it is absent."""
        with self.forwarded(f"pod/{pod}", port) as local:
            text = self.http.get(f"http://127.0.0.1:{local}/metrics", timeout=20).text
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found)) if found else None

    def external_metric(self, name):
        """As the HPA is told it; None when nobody tells it."""
        done = self.cluster.kubectl("get", "--raw", f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{self.namespace}/{name}", check=False)
        rows = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return rows[0]["value"] if rows else None

    # --- Redis ---

    def password(self, key="redis-admin-password"):
        return base64.b64decode(self.get("secret", SECRET)["data"][key]).decode()

    def redis_cli(self, *words, pod="soc-redis-0"):
        return self.kubectl("exec", pod, "--container=redis", "--", "redis-cli", *words).stdout

    def master(self):
        """The pod that the most Sentinels take for the master."""
        told = []
        for pod in self.ready("redis"):
            done = self.kubectl("exec", pod, "--container=sentinel", "--", "redis-cli", "-p", "26379", "sentinel", "get-master-addr-by-name", "soc-master", check=False)
            if done.returncode == 0 and done.stdout.strip():
                told.append(done.stdout.split()[0].split(".")[0])
        return max(set(told), key=told.count) if told else None

    @contextlib.contextmanager
    def forwarded(self, target, port):
        """A port of this machine that leads to the pod's."""
        words = ["kubectl", "--context", self.cluster.context, "--namespace", self.namespace, "port-forward", target, f":{port}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline()
                assert "Forwarding from" in line, line + process.stderr.read()
                yield int(re.search(r":(\d+) ->", line)[1])
            finally:
                process.terminate()

    @contextlib.contextmanager
    def store(self, pod="soc-redis-0"):
        with self.forwarded(f"pod/{pod}", 6379) as local:
            with redis.Redis(port=local, password=self.password(), decode_responses=True) as connection:
                yield connection


def is_ready(pod):
    return any(row["type"] == "Ready" and row["status"] == "True" for row in pod["status"].get("conditions", []))
