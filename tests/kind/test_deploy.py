"""kind/deploy.sh: what it needs, in which order it works, and what it says when something fails."""

import shutil
import socket
import subprocess

import pytest
import yaml

from stubs import ANSWERS, REPOSITORY, addon_images, built


def in_order(calls, *parts):
    """The parts are in the calls, each behind the one before."""
    rest = iter(calls)
    missing = [part for part in parts if not any(part in call for call in rest)]
    assert not missing, f"{missing} not found in order in\n" + "\n".join(calls)


@pytest.mark.parametrize("name", ["docker", "kind", "kubectl", "helm", "curl"])
def test_each_missing_program_is_named_with_the_way_to_it(machine, name):
    machine.without(name)
    done = machine.run("deploy.sh")
    assert done.returncode == 1
    assert f"deploy.sh: {name} is missing: " in done.stderr and f"nothing was done; missing: {name}" in done.stderr
    assert not machine.calls()


def test_all_missing_programs_are_named_at_once(machine):
    for name in ANSWERS:
        machine.without(name)
    done = machine.run("deploy.sh")
    assert done.returncode == 1
    assert all(f"{name} is missing" in done.stderr for name in ANSWERS)


def test_a_docker_without_a_daemon_is_said(machine):
    machine.stub("docker", ("info", "echo Cannot connect >&2; exit 1"))
    done = machine.run("deploy.sh")
    assert done.returncode == 1 and "its daemon does not answer" in done.stderr and "Cannot connect" in done.stderr
    assert not machine.calls("kind create")


def test_from_nothing_to_the_urls(machine):
    done = machine.run("deploy.sh")
    assert done.returncode == 0, done.stderr
    calls = machine.calls()
    in_order(
        calls,
        "kind create cluster --name soc --config",
        "docker build --quiet --file",
        f"docker tag soc-api:kind {built('api')}",
        "kind load docker-image --name soc",
        "kubectl --context kind-soc apply",
        "rollout status deployment/metrics-server --namespace kube-system",
        "rollout status deployment/prometheus --namespace soc-monitoring",
        "rollout status deployment/traefik --namespace soc-ingress",
        "helm upgrade --install soc",
        "curl ",
        "soc_required_workers",
    )
    (load,) = machine.calls("kind load")
    assert set(load.split()[5:]) == {built("api"), built("worker"), "redis:7.0.15", *addon_images().values()}
    (install,) = machine.calls("helm upgrade")
    assert "--set-string api.image.repository=soc-api --set-string api.image.tag=kind-0123456789ab" in install
    assert "--kube-context kind-soc --namespace soc --wait" in install
    assert f"curl {machine.url}/api/threats" in done.stdout


def test_the_chart_takes_what_it_is_given(machine):
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("helm is not on PATH")
    machine.run("deploy.sh")
    (install,) = machine.calls("helm upgrade")
    words = install.split()
    given = [word for i in range(len(words)) if words[i].startswith("--set") for word in words[i : i + 2]]
    done = subprocess.run(
        [helm, "template", "soc", REPOSITORY / "helm/soc-agent", "--kube-version", "1.34.0", *given], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    objects = [item for item in yaml.safe_load_all(done.stdout) if item]
    (ingress,) = [item for item in objects if item["kind"] == "Ingress"]
    assert [rule["host"] for rule in ingress["spec"]["rules"]] == [""], "any name"
    images = {item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"] for item in objects if "template" in item.get("spec", {})}
    assert images == {"soc-api": built("api"), "soc-worker": built("worker"), "soc-redis": "redis:7.0.15"}


def test_a_cluster_that_is_there_is_kept(machine):
    done = machine.run("deploy.sh", CLUSTERS="other soc")
    assert done.returncode == 0, done.stderr
    assert not machine.calls("kind create") and machine.calls("helm upgrade")


def test_the_node_image_is_given_to_kind(machine):
    done = machine.run("deploy.sh", "--image", "my-node:1", "--name", "two", CONTEXTS="kind-two")
    assert done.returncode == 0, done.stderr
    (create,) = machine.calls("kind create")
    assert "--name two" in create and "--image my-node:1" in create
    assert machine.calls("kubectl --context kind-two")


def test_every_image_can_be_named(machine):
    names = {
        "API_IMAGE": "a/api:1",
        "WORKER_IMAGE": "host:5000/worker",
        "REDIS_IMAGE": "b/redis:2",
        "TRAEFIK_IMAGE": "b/traefik:3",
        "METRICS_SERVER_IMAGE": "b/metrics:4",
        "PROMETHEUS_IMAGE": "b/prometheus:5",
        "PROMETHEUS_ADAPTER_IMAGE": "b/adapter:6",
    }
    done = machine.run("deploy.sh", **names, IMAGES=" ".join(names.values()))
    assert done.returncode == 0, done.stderr
    assert not machine.calls("docker build -") and not machine.calls("docker pull")
    (load,) = machine.calls("kind load")
    assert set(load.split()[5:]) == set(names.values())
    (install,) = machine.calls("helm upgrade")
    assert "worker.image.repository=host:5000/worker --set-string worker.image.tag=latest" in install
    assert "redis.image.repository=b/redis --set-string redis.image.tag=2" in install


def test_the_base_can_be_named(machine):
    done = machine.run("deploy.sh", BASE_IMAGE="my-debian:1", IMAGES=machine.environment["IMAGES"] + " my-debian:1")
    assert done.returncode == 0, done.stderr
    assert all("--build-arg BASE=my-debian:1" in call for call in machine.calls("docker build -"))


@pytest.mark.parametrize("name, variable", [("metrics-server", "METRICS_SERVER_IMAGE"), ("traefik", "TRAEFIK_IMAGE")])
def test_an_image_that_cannot_be_had_is_named_with_its_variable(machine, name, variable):
    image = addon_images()[name]
    kept = " ".join(other for other in machine.environment["IMAGES"].split() if other != image)
    done = machine.run("deploy.sh", IMAGES=kept)
    assert done.returncode == 1
    assert f"docker has no image {image} and cannot pull it: bring it there, or name another by {variable}" in done.stderr
    assert not machine.calls("helm upgrade")


def test_a_base_that_cannot_be_had_is_named(machine):
    done = machine.run("deploy.sh", BASE_IMAGE="nowhere:1")
    assert done.returncode == 1 and "no image nowhere:1" in done.stderr and "BASE_IMAGE" in done.stderr


@pytest.mark.parametrize(
    "program, pattern, told",
    [
        ("kind", "create*", "creating the cluster soc"),
        ("docker", "build*", "building soc-api on debian:bookworm-slim"),
        ("kind", "load*", "loading 7 images"),
        ("kubectl", "*apply*", "installing metrics-server"),
        ("kubectl", "*rollout status deployment/traefik*", "waiting for traefik"),
        ("helm", "upgrade*", "installing the chart"),
    ],
)
def test_a_step_that_fails_is_named(machine, program, pattern, told):
    machine.stub(program, (pattern, "echo broken >&2; exit 1"))
    done = machine.run("deploy.sh")
    assert done.returncode == 1
    assert f"deploy.sh: failed while {told}" in done.stderr and "broken" in done.stderr


def test_a_chart_that_does_not_come_up_shows_its_pods(machine):
    machine.stub("helm", ("upgrade*", "exit 1"))
    machine.run("deploy.sh")
    assert [call for call in machine.calls("kubectl") if "get pods --namespace soc" in call]
    assert [call for call in machine.calls("kubectl") if "get events --namespace soc" in call]


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_that_is_taken_is_named(machine, which):
    port = machine.ports[which]
    with socket.create_server(("127.0.0.1", port)):
        done = machine.run("deploy.sh")
    assert done.returncode == 1 and f"port {port} is taken" in done.stderr
    assert not machine.calls("kind create")


def test_what_is_there_of_others_is_left_alone(machine):
    done = machine.run("deploy.sh", FOREIGN="v1beta1.metrics.k8s.io")
    assert done.returncode == 0, done.stderr
    assert "to be installed: prometheus prometheus-adapter traefik" in done.stdout
    (load,) = machine.calls("kind load")
    assert addon_images()["metrics-server"] not in load


def test_a_namespace_of_others_is_not_taken(machine):
    machine.stub("kubectl", ("*get namespace soc-monitoring *", "echo soc-monitoring="))
    done = machine.run("deploy.sh")
    assert done.returncode == 1 and "has a namespace soc-monitoring that is not ours" in done.stderr
    assert not [call for call in machine.calls("kubectl") if "apply" in call]


def test_an_ingress_controller_of_others_is_used(machine):
    machine.stub("kubectl", ("*get ingressclass*", "echo ingressclass/nginx"))
    done = machine.run("deploy.sh")
    assert done.returncode == 0, done.stderr
    assert "to be installed: metrics-server prometheus prometheus-adapter\n" in done.stdout


def test_a_cluster_of_others_takes_images_by_a_command(machine, tmp_path):
    loader = tmp_path / "load"
    loader.write_text(f'#!/bin/sh\necho "load $#" >>{machine.log}\n')
    loader.chmod(0o755)
    done = machine.run("deploy.sh", "--context", "mine", "--load", str(loader), CONTEXTS="mine")
    assert done.returncode == 0, done.stderr
    assert machine.calls("docker save --output") and machine.calls("load 1")
    assert not machine.calls("kind")
    assert "port-forward service/soc-api 8000:8000" in done.stdout
    assert not list(tmp_path.glob("soc-kind.*"))


def test_a_cluster_that_pulls_needs_no_docker(machine):
    machine.without("docker")
    machine.without("kind")
    done = machine.run("deploy.sh", "--context", "mine", "--load", "none", CONTEXTS="mine", API_IMAGE="a:1", WORKER_IMAGE="w:1")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words, options",
    [
        ([], ""),
        (["--name", "soc"], ""),
        (["--name", "other"], " --name other"),
        (["--context", "mine", "--load", "true"], " --context mine"),
        (["--context", "kind-other"], " --context kind-other"),
    ],
)
def test_what_to_do_next_is_told_for_the_same_cluster(machine, words, options):
    done = machine.run("deploy.sh", *words, CONTEXTS="mine kind-soc kind-other", CLUSTERS="other")
    assert done.returncode == 0, done.stderr
    told = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith(("demo ", "the end")))
    assert told["demo"] == f"kind/demo/setup.sh{options}, kind/demo/run.sh{options}"
    assert told["the"] == f"end    kind/teardown.sh{options}"


@pytest.mark.parametrize(
    "words, told",
    [
        (["--bad"], "--bad is not an option"),
        (["--image"], "--image wants a value"),
        (["--context", "mine"], "how do images get into the cluster of mine?"),
        (["--context", "mine", "--load", "none"], "wants API_IMAGE and WORKER_IMAGE"),
        (["--context", "kind-soc", "--image", "i"], "--image is for a cluster that kind makes"),
        (["--load", "x"], "--load is for --context"),
    ],
)
def test_a_wrong_word_is_said(machine, words, told):
    done = machine.run("deploy.sh", *words)
    assert done.returncode == 1 and told in done.stderr
    assert not machine.calls()


def test_an_unknown_context_is_said_with_the_known_ones(machine):
    done = machine.run("deploy.sh", "--context", "mine", "--load", "true", CONTEXTS="one two")
    assert done.returncode == 1 and "kubectl knows no context mine; it knows: one, two" in done.stderr


def test_help_tells_the_options(machine):
    done = machine.run("deploy.sh", "--help")
    assert done.returncode == 0 and "--context NAME" in done.stdout and not machine.calls()
