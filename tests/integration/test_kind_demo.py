"""kind/demo/watch and kind/demo/run.sh against a fleet of this machine; kubectl is a stub that says all is well."""

import os
import pathlib
import re
import subprocess

import pytest

from processes import REPOSITORY, free_port, wait_until
from steps import completed


def start(url, *words):
    return subprocess.Popen(
        ["/usr/bin/python3", REPOSITORY / "kind/demo/watch", url, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_each_threat_is_a_line(fleet):
    fleet.wait_idle()
    watcher = start(fleet.apis[1].url, "--count", "2", "--seconds", "30")
    assert watcher.stdout.readline() == f"  connected to {fleet.apis[1].url}/ws\n"
    threats = [completed(fleet.api, customer_name=name) for name in ("Watched One", "Watched Two")]
    told, complaint = watcher.communicate(timeout=40)
    assert watcher.returncode == 0, complaint
    assert len(told.splitlines()) == 2
    for threat, line in zip(threats, told.splitlines()):
        assert threat["severity"] in line and threat["signal"]["customer_name"] in line


def test_fewer_than_asked_is_a_failure(fleet):
    watcher = start(fleet.api.url, "--count", "1", "--seconds", "0.3")
    watcher.communicate(timeout=20)
    assert watcher.returncode == 1


@pytest.mark.parametrize("url", ["nowhere", f"http://127.0.0.1:{free_port()}"], ids=["no URL", "a free port"])
def test_nobody_to_listen_to_is_said(url):
    watcher = start(url)
    _, complaint = watcher.communicate(timeout=20)
    assert watcher.returncode == 1 and complaint.startswith("watch: ")


KUBECTL = r"""#!/bin/sh
case "$*" in
    "config get-contexts"*) echo kind-soc ;;
    *"get namespace soc-monitoring"*) echo namespace/soc-monitoring ;;
    *port-forward*) echo "Forwarding from 127.0.0.1:1 -> 9090"; echo $$ >"$FORWARD_PID"; exec sleep 60 ;;
    *readyReplicas*) printf 2 ;;
    *soc_required_workers*) echo '{"items":[{"value":"1"}]}' ;;
    *"rollout status"*) exit $ROLLOUT ;;
esac
"""


def run_demo(fleet, folder, rollout="0"):
    (folder / "kubectl").write_text(KUBECTL)
    (folder / "kubectl").chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder), "FORWARD_PID": str(folder / "pid"), "ROLLOUT": rollout}
    words = [REPOSITORY / "kind/demo/run.sh", "--url", fleet.api.url, "--count", "10", "--rate", "20", "--yes"]
    return subprocess.run(words, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


@pytest.mark.plain
def test_the_demonstration_shows_what_it_promises_and_leaves_nothing(fleet, tmp_path):
    done = run_demo(fleet, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    live = done.stdout.split("The WebSocket:\n")[1].split("== 4.")[0].splitlines()
    assert len(live) == 4 and "credential_stuffing" in done.stdout
    assert "sent 10, accepted 10, rejected 0, completed 10" in done.stdout
    assert "sent 100, accepted 100, rejected 0, completed 100" in done.stdout, "while the pods are replaced"
    assert re.search(r"received \d+, completed \d+, failed \d+, outstanding 0, unaccounted 0\n", done.stdout)
    assert not list(tmp_path.glob("soc-kind.*"))
    wait_until(lambda: not pathlib.Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists(), 10, "port-forward is gone")


@pytest.mark.plain
def test_a_fleet_that_does_not_stand_ends_the_demonstration(fleet, tmp_path):
    done = run_demo(fleet, tmp_path, rollout="1")
    assert done.returncode == 1 and "run.sh: failed while 1. what runs" in done.stderr
