"""files/redis/stop-redis.sh, with a Redis and Sentinels that answer what a test says."""

import itertools

import pytest

from redis_scripts import PODS, SCRIPTS, run_script

STUBS = {
    # Each ROLE is the next of the answers, the last of them for ever; Sentinels do as they are asked.
    "redis-cli": """#!/bin/sh
echo "$*" >>"$FOLDER/asked"
case $* in
    "--raw role")
        cat "$FOLDER/role.1"
        for number in 2 3 4; do
            [ ! -e "$FOLDER/role.$number" ] || mv "$FOLDER/role.$number" "$FOLDER/role.$((number - 1))"
        done ;;
    *"sentinel failover soc-master") cat "$FOLDER/failover" ;;
esac
""",
}


def master(offset, *followers):
    rows = itertools.chain.from_iterable((f"10.0.0.{number}", "6379", str(row)) for number, row in enumerate(followers))
    return "\n".join(["master", str(offset), *rows]) + "\n"


@pytest.fixture
def stop(tmp_path):
    """stop(roles, failover) → what was asked, one line each."""

    def run(roles, failover="OK"):
        for number, role in enumerate(roles, 1):
            (tmp_path / f"role.{number}").write_text(role)
        (tmp_path / "failover").write_text(failover)
        run_script(SCRIPTS / "stop-redis.sh", tmp_path, STUBS, FOLDER=str(tmp_path), POD_NAME="soc-redis-1", REDIS_DOMAIN="soc-redis-pods")
        asked = (tmp_path / "asked").read_text().splitlines()
        return [line for line in asked if line != "--raw role"], asked.count("--raw role")

    return run


PAUSE = "client pause 30000 write"
ASK_FIRST = f"-h {PODS[0]} -p 26379 sentinel failover soc-master"
ASK_LAST = f"-h {PODS[2]} -p 26379 sentinel failover soc-master"


def test_a_replica_just_stops(stop):
    assert stop(["slave\n10.0.0.1\n6379\nconnected\n99\n"]) == ([], 1)


def test_a_master_that_all_follow_hands_over(stop):
    assert stop([master(99, 99, 99)])[0] == [PAUSE, ASK_FIRST]


def test_another_sentinel_is_asked_when_the_first_will_not(stop):
    assert stop([master(99, 99, 99)], "NOGOODSLAVE No suitable replica to promote")[0] == [PAUSE, ASK_FIRST, ASK_LAST]


def test_it_takes_writes_until_the_last_follows(stop):
    role = master(50, 50)
    asked, looks = stop([role, role, role, master(60, 60, 60)])
    assert asked == [PAUSE, ASK_FIRST] and looks >= 4


def test_one_that_stays_away_is_not_risked(stop):
    """The one that has everything may be the one that Sentinels have not met: they choose later, by what each has."""
    asked, looks = stop([master(99, 99)])
    assert asked == [] and looks > 100


def test_one_that_stays_behind_is_not_risked(stop):
    asked, _ = stop([master(99, 99, 80)])
    assert asked == [PAUSE]
