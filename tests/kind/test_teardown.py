"""kind/teardown.sh and the scripts of the demonstration."""

import pytest


def test_a_cluster_of_kind_is_deleted_whole(machine):
    done = machine.run("teardown.sh", CLUSTERS="soc")
    assert done.returncode == 0, done.stderr
    assert machine.calls("kind delete cluster --name soc")
    assert not machine.calls("helm")


def test_nothing_to_do_is_no_error(machine):
    done = machine.run("teardown.sh")
    assert done.returncode == 0 and "there is no cluster soc" in done.stdout
    assert not machine.calls("kind delete")


def test_the_network_of_kind_goes_with_its_last_cluster(machine):
    machine.stub("kind", ("get clusters", '[ "$(grep -c "kind delete" "$LOG")" = 1 ] || echo soc'))
    machine.run("teardown.sh", LOG=str(machine.log))
    assert machine.calls("docker network rm kind")


def test_the_network_stays_while_others_live_in_it(machine):
    machine.run("teardown.sh", CLUSTERS="soc other")
    assert machine.calls("kind delete") and not machine.calls("docker network rm")


def test_images_go_when_asked(machine):
    machine.run("teardown.sh", "--images")
    assert machine.calls("docker image rm soc-api:kind soc-worker:kind-0123")


@pytest.mark.parametrize("words, context", [(["--context", "mine"], "mine"), (["--keep-cluster"], "kind-soc")])
def test_a_cluster_that_stays_loses_the_chart_and_our_add_ons(machine, words, context):
    done = machine.run("teardown.sh", *words, CONTEXTS="mine kind-soc", CLUSTERS="soc")
    assert done.returncode == 0, done.stderr
    assert machine.calls(f"helm uninstall soc --kube-context {context}")
    deletes = [call for call in machine.calls(f"kubectl --context {context} delete")]
    assert len(deletes) == 3 and all("--selector app.kubernetes.io/managed-by=soc-kind" in call for call in deletes)
    assert "namespace" in deletes[-1]
    assert not machine.calls("kind delete")


@pytest.mark.parametrize("name", ["docker", "kind", "kubectl", "helm"])
def test_each_missing_program_is_named(machine, name):
    machine.without(name)
    done = machine.run("teardown.sh", CLUSTERS="soc")
    assert done.returncode == 1 and f"teardown.sh: {name} is missing" in done.stderr
    assert not machine.calls("kind delete")


def test_the_demonstration_s_end_keeps_the_cluster_unless_told(machine):
    assert machine.run("demo/teardown.sh", CLUSTERS="soc").returncode == 0
    assert machine.calls("helm uninstall") and not machine.calls("kind delete")
    assert machine.run("demo/teardown.sh", "--delete-cluster", CLUSTERS="soc").returncode == 0
    assert machine.calls("kind delete cluster --name soc")


def test_a_cluster_of_others_is_not_deleted(machine):
    done = machine.run("demo/teardown.sh", "--context", "mine", "--delete-cluster", CONTEXTS="mine")
    assert done.returncode == 1 and "not ours to delete" in done.stderr


def test_setup_ends_where_deploy_does(machine):
    machine.without("helm")
    done = machine.run("demo/setup.sh")
    assert done.returncode == 1 and "deploy.sh: helm is missing" in done.stderr


@pytest.mark.parametrize("name", ["kubectl", "curl", "python3"])
def test_the_run_names_what_it_misses(machine, name):
    machine.without(name)
    done = machine.run("demo/run.sh", "--yes")
    assert done.returncode == 1 and f"run.sh: {name} is missing" in done.stderr
