"""scripts/send, as a person runs it."""

import json
import os
import pty
import subprocess
import sys

import pytest

from processes import REPOSITORY, free_port
from sample_signals import REAL, TYPES, signal

SEND = REPOSITORY / "scripts" / "send"


def send(api, *words, **options):
    url = api if isinstance(api, str) else api.url
    return subprocess.run(
        [SEND, "--url", url, *words], capture_output=True, text=True, timeout=60, cwd="/tmp", env={**os.environ, "LC_ALL": "C.UTF-8"}, **options
    )


@pytest.mark.parametrize("threat_type", TYPES)
def test_one_threat_is_shown_in_full(api, threat_type):
    done = send(api, threat_type)
    assert done.returncode == 0, done.stderr
    for words in (threat_type, "Risk ", "False positive ", "historical", "config", "devops", "context", "priority", "Plan", "Timeline"):
        assert words in done.stdout
    assert done.stderr == ""


def test_show_of_a_type_is_the_same(api):
    assert "Agents" in send(api, "--show", "bot_traffic").stdout


def test_one_threat_as_json(api):
    threat = json.loads(send(api, "--json", "geo_anomaly").stdout)
    assert threat["status"] == "completed" and threat["signal"]["threat_type"] == "geo_anomaly"


def test_a_file_is_sent_and_summed_up(api):
    done = send(api, str(REAL), "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["sent"], summary["accepted"], summary["rejected"], summary["completed"]) == (103, 103, 0, 103)
    assert sum(summary["severity"].values()) == sum(summary["recommendation"].values()) == 103
    assert 0 < summary["latency_p50_ms"] <= summary["latency_p99_ms"]


def test_a_file_in_batches(api):
    done = send(api, str(REAL), "--batch", "40")
    assert done.returncode == 0, done.stderr
    assert "sent 103, accepted 103, rejected 0, completed 103" in done.stdout
    assert "visible after" in done.stdout


@pytest.mark.parametrize("more", [[], ["--batch", "2"]])
def test_bad_lines_are_named_by_number(api, more):
    lines = [json.dumps(signal()), "{broken", json.dumps(signal(source_ip="nowhere"))]
    done = send(api, "-", *more, input="\n".join(lines))
    assert done.returncode == 1
    assert "sent 3, accepted 1, rejected 2, completed 1" in done.stdout
    assert "signal 2:" in done.stderr and "signal 3:" in done.stderr and "/source_ip" in done.stderr


def test_made_up_signals_at_a_rate(api):
    done = send(api, "--count", "30", "--rate", "100", "--type", "brute_force", "--json")
    summary = json.loads(done.stdout)
    assert done.returncode == 0 and summary["completed"] == 30
    assert summary["seconds"] >= 0.28


def test_made_up_signals_of_every_kind_are_good(api):
    done = send(api, "--count", "300", "--seed", "7", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("sent 300, accepted 300, rejected 0, completed 300")


def test_nobody_there_is_one_line_that_helps():
    for words in (["bot_traffic"], ["--count", "5"], [str(REAL)]):
        done = send(f"http://127.0.0.1:{free_port()}", *words)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1 and "scripts/run" in done.stderr


@pytest.mark.parametrize("words", [[], ["bot_traffic", "--count", "3"], ["--count", "0"], ["--rate", "-1", "--count", "1"], ["--batch", "1001", "x"]])
def test_wrong_usage_is_told(words):
    done = send("http://127.0.0.1:1", *words)
    assert done.returncode == 2 and "usage" in done.stderr


def test_a_missing_file_is_told():
    done = send("http://127.0.0.1:1", "no/such/file")
    assert done.returncode == 1 and "no/such/file" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_progress_line_is_shown_on_a_terminal(api):
    try:
        leader, follower = pty.openpty()
    except OSError as why:
        pytest.skip(f"this machine gives no terminal: {why}")
    done = subprocess.Popen(
        [sys.executable, SEND, "--url", api.url, "--count", "40", "--rate", "100"], stdout=subprocess.PIPE, stderr=follower
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    out, _ = done.communicate(timeout=30)
    os.close(leader)
    assert done.returncode == 0
    assert b"/40 sent" in shown and b"\r" in shown
    assert b"completed 40" in out
