"""files/redis/find-master.sh, with Sentinels that answer what a test says."""

import subprocess

import pytest

from rendering import CHART

PODS = [f"soc-redis-{i}.soc-redis-pods" for i in range(3)]
STUBS = {
    # redis-cli -h POD -p 26379 --raw, with the questions on its input
    "redis-cli": '#!/bin/sh\ncat >/dev/null\n[ -z "${REDISCLI_AUTH:-}" ] && cat "$ANSWERS/$2"\n',
    "sleep": "#!/bin/sh\n",
}


def answer(epoch, first, second, replicas=2):
    """What SENTINEL MASTER and SENTINEL GET-MASTER-ADDR-BY-NAME say, one after the other."""
    return f"name\nsoc-master\nip\n{first}\nport\n6379\nnum-slaves\n{replicas}\nconfig-epoch\n{epoch}\nquorum\n2\n{second}\n6379\n"


@pytest.fixture
def find_master(tmp_path):
    programs, answers = tmp_path / "bin", tmp_path / "answers"
    programs.mkdir()
    answers.mkdir()
    for name, text in STUBS.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    def run(told, *words):
        for pod, text in told.items():
            (answers / pod).write_text(text)
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "ANSWERS": str(answers), "REDIS_PODS": ",".join(PODS), "REDISCLI_AUTH": "secret"}
        command = ["sh", str(CHART / "files/redis/find-master.sh"), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment)

    return run


def test_the_highest_epoch_counts(find_master):
    told = {PODS[0]: answer(9, PODS[0], PODS[0]), PODS[1]: answer(10, PODS[1], PODS[1]), PODS[2]: answer(9, PODS[0], PODS[0])}
    assert find_master(told, PODS[2]).stdout.strip() == PODS[1]


def test_a_sentinel_that_conducts_a_failover_is_understood(find_master):
    """It has the new epoch with the old address in its first answer."""
    told = {PODS[0]: answer(4, PODS[0], PODS[0]), PODS[1]: answer(5, PODS[0], PODS[2])}
    assert find_master(told, PODS[0]).stdout.strip() == PODS[2]


def test_a_minority_is_not_believed(find_master):
    done = find_master({PODS[0]: answer(4, PODS[0], PODS[0])}, PODS[0])
    assert done.returncode == 1 and done.stdout == ""
    assert "1 of 3 Sentinels answer, 2 are needed" in done.stderr


def test_an_error_is_no_answer(find_master):
    error = "ERR No such master with that name\n\n"
    done = find_master({PODS[0]: answer(4, PODS[0], PODS[0]), PODS[1]: error, PODS[2]: error}, PODS[1])
    assert done.returncode == 1 and "1 of 3 Sentinels answer" in done.stderr


def test_an_empty_volume_is_not_the_master_of_replicas(find_master):
    told = {pod: answer(4, PODS[0], PODS[0]) for pod in PODS}
    done = find_master(told, PODS[0])
    assert done.returncode == 1 and "this volume is empty" in done.stderr
    assert find_master(told, PODS[1]).stdout.strip() == PODS[0]


def test_a_first_start_has_no_replicas_to_wait_for(find_master):
    told = {pod: answer(0, PODS[0], PODS[0], replicas=0) for pod in PODS}
    assert find_master(told, PODS[0]).stdout.strip() == PODS[0]


def test_who_only_asks_does_not_wait(find_master):
    none = find_master({})
    assert none.returncode == 0 and none.stdout.strip() == ""
    assert find_master({PODS[1]: answer(1, PODS[1], PODS[1])}).stdout.strip() == PODS[1]
