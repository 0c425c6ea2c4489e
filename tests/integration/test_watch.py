"""kind/demo/watch, as a person runs it."""

import subprocess

import pytest

from processes import REPOSITORY, free_port
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


@pytest.mark.parametrize("url", ["nowhere", f"http://127.0.0.1:{free_port()}"])
def test_nobody_to_listen_to_is_said(url):
    watcher = start(url)
    _, complaint = watcher.communicate(timeout=20)
    assert watcher.returncode == 1 and complaint.startswith("watch: ")
