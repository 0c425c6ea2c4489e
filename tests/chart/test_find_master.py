"""files/redis/find-master.sh, with Sentinels that answer what a test says."""

import pytest

from redis_scripts import PODS, SCRIPTS, run_script

STUBS = {
    # redis-cli -h POD -p 26379 --raw, with the questions on its input, or redis-cli -h POD -p 26379 sentinel failover soc-master,
    # to a Sentinel; redis-cli -h POD info replication to a Redis
    "redis-cli": """#!/bin/sh
case $3$5 in
    -p--raw) cat >/dev/null; [ -z "${REDISCLI_AUTH:-}" ] && cat "$ANSWERS/$2" ;;
    -psentinel) [ "$6" = failover ] && [ -z "${REDISCLI_AUTH:-}" ] && echo "$2" >>"$ANSWERS/told" && sh "$ANSWERS/failover" ;;
    info*) [ "$REDISCLI_AUTH" = secret ] && cat "$ANSWERS/redis.$2" ;;
esac
""",
    # Three seconds later each time it is asked; what is in "later" is answered from the fifth on.
    "date": """#!/bin/sh
echo >>"$ANSWERS/time"
looks=$(wc -l <"$ANSWERS/time")
[ $looks -lt 5 ] || [ ! -d "$ANSWERS/later" ] || cp "$ANSWERS/later/"* "$ANSWERS"
echo $((3 * looks))
""",
}


def answer(epoch, first, second, replicas=2, flags="master"):
    """What SENTINEL MASTER and SENTINEL GET-MASTER-ADDR-BY-NAME say, one after the other."""
    rows = {"name": "soc-master", "ip": first, "port": 6379, "flags": flags}
    rows |= {"num-slaves": replicas, "config-epoch": epoch, "quorum": 2}
    return "".join(f"{name}\n{value}\n" for name, value in rows.items()) + f"{second}\n6379\n"


@pytest.fixture
def find_master(tmp_path):
    answers, data = tmp_path / "answers", tmp_path / "data"
    answers.mkdir()
    script = tmp_path / "find-master.sh"
    script.write_text((SCRIPTS / "find-master.sh").read_text().replace("/data/", f"{data}/"))

    def run(told, *words, later=None, has_data=False, redis=(), failover=""):
        (answers / "failover").write_text(failover)
        for pod, text in [*told.items(), *((f"redis.{pod}", text) for pod, text in dict(redis).items())]:
            (answers / pod).write_text(text)
        for pod, text in (later or {}).items():
            (answers / "later").mkdir(exist_ok=True)
            (answers / "later" / pod).write_text(text)
        if has_data:
            (data / "appendonlydir").mkdir(parents=True)
        done = run_script(script, tmp_path, STUBS, *words, ANSWERS=str(answers))
        asked = answers / "told"
        done.asked = asked.read_text().split() if asked.exists() else []
        return done

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


def replication(**rows):
    """What a Redis says to INFO replication."""
    return "# Replication\r\n" + "".join(f"{name}:{value}\r\n" for name, value in rows.items())


ORPHAN = replication(role="slave", master_link_status="down", slave_repl_offset=99, master_link_down_since_seconds=0)
JUST_STARTED = replication(role="slave", master_link_status="down", slave_repl_offset=0, master_link_down_since_seconds=-1)
FOLLOWING = replication(role="slave", master_link_status="up", slave_repl_offset=99)


@pytest.mark.parametrize("other", [ORPHAN, FOLLOWING, replication(role="master", connected_slaves=0)])
def test_a_master_whom_a_replica_has_lost_waits_for_the_choice(find_master, other):
    """What it would take meanwhile, the one that is about to be promoted would not have."""
    told = {pod: answer(4, PODS[0], PODS[0]) for pod in PODS}
    done = find_master(told, PODS[0], has_data=True, redis={PODS[2]: other}, later={PODS[1]: answer(5, PODS[2], PODS[2])})
    assert done.stdout.strip() == PODS[2] and "waiting for whom the Sentinels choose" in done.stderr


@pytest.mark.parametrize("others", [{}, {PODS[1]: JUST_STARTED, PODS[2]: JUST_STARTED}, {PODS[1]: "NOAUTH"}])
def test_a_master_whom_nobody_has_lost_leads_on(find_master, others):
    """All were started again at once: none of the others is ahead of it."""
    done = find_master({pod: answer(4, PODS[0], PODS[0]) for pod in PODS}, PODS[0], has_data=True, redis=others)
    assert done.stdout.strip() == PODS[0] and done.stderr == ""


DOWN = "s_down,o_down,master"


def test_sentinels_whose_votes_were_split_are_told_to_choose(find_master):
    """They would try again by themselves after twenty seconds, and depose a master that leads on by then."""
    told = {pod: answer(4, PODS[0], PODS[0], flags=DOWN) for pod in PODS}
    chosen = f"""cat >"$ANSWERS/{PODS[1]}" <<'END'\n{answer(5, PODS[2], PODS[2])}END\necho OK"""
    done = find_master(told, PODS[0], has_data=True, redis={PODS[1]: ORPHAN}, failover=chosen)
    assert done.stdout.strip() == PODS[2] and done.asked == [PODS[1]]
    assert done.stderr.count("waiting for whom") == 3, "they have looked at the replicas"


def test_a_failover_that_another_began_meanwhile_is_waited_for(find_master):
    told = {pod: answer(4, PODS[0], PODS[0], flags=DOWN) for pod in PODS}
    done = find_master(told, PODS[0], has_data=True, redis={PODS[1]: ORPHAN}, failover="echo INPROG Failover already in progress")
    assert done.returncode == 1 and done.stdout == "", "it never leads on"


def test_a_master_in_whose_place_none_can_be_chosen_leads_on_after_a_while(find_master):
    told = {pod: answer(4, PODS[0], PODS[0], flags=DOWN) for pod in PODS}
    done = find_master(told, PODS[0], has_data=True, redis={PODS[1]: ORPHAN}, failover="echo NOGOODSLAVE No suitable replica to promote")
    assert done.stdout.strip() == PODS[0] and 6 <= done.stderr.count("waiting for whom") <= 8
    assert set(done.asked) == {PODS[1], PODS[2]}, "its own Sentinel may not have met all replicas"


def test_sentinels_that_do_not_agree_that_it_is_down_are_not_told_to_choose(find_master):
    told = {pod: answer(4, PODS[0], PODS[0], flags="s_down,master") for pod in PODS}
    done = find_master(told, PODS[0], has_data=True, redis={PODS[1]: ORPHAN}, failover="echo OK")
    assert done.stdout.strip() == PODS[0] and done.asked == []


def test_a_failover_under_way_is_waited_for_to_the_end(find_master):
    told = {pod: answer(4, PODS[0], PODS[0], flags="s_down,o_down,master,failover_in_progress") for pod in PODS}
    done = find_master(told, PODS[0], has_data=True)
    assert done.returncode == 1 and done.stdout == ""


def test_who_only_asks_does_not_wait(find_master):
    none = find_master({})
    assert none.returncode == 0 and none.stdout.strip() == ""
    assert find_master({PODS[1]: answer(1, PODS[1], PODS[1])}).stdout.strip() == PODS[1]
