"""The auditor finds what is planted, and nothing where all is well."""

import dataclasses

import pytest

from auditor import MIB, Answer, Audit, BacklogSample, Evidence, Memory, OwnerLoss, Row
from evidence import read_rows
from fleet import Fleet
from trial import Trial

IDS = [f"threat-{number}" for number in range(6)]


def good():
    """Six threats: two taken over from a worker that was killed, all heard by one watcher."""
    rows = [Row(f"{1000 + number}-0", "created", id_) for number, id_ in enumerate(IDS)]
    rows += [Row(f"{1010 + number}-0", "completed", id_) for number, id_ in enumerate(IDS)]
    types = {"created": "threat_created", "completed": "new_threat"}
    return Evidence(
        answers=[Answer(1000, 0, number, 1, 202, [id_]) for number, id_ in enumerate(IDS)],
        rows=rows,
        indexed=6,
        history_total=6,
        losses=[OwnerLoss("worker-1", 1005, {"1-0": IDS[0], "2-0": IDS[1]})],
        claims={"worker-1": 2},
        backlog=[BacklogSample("api0", (6, 2), (6, 4), 3, True)],
        memory=[Memory("api0", 10 * MIB, 11 * MIB, 400, MIB, 6)],
        faults=[(1005, 1008)],
        watched={0: [("open", "", ""), ("initial", "0-0", "")] + [("event", row.id, types[row.kind]) for row in rows]},
    )


def broken(evidence):
    return {name for name, words in Audit(evidence).broken.items() if words}


def test_nothing_is_found_where_all_is_well():
    assert broken(good()) == set()


def without(values, index):
    return values[:index] + values[index + 1 :]


def lose(evidence):
    evidence.rows = [row for row in evidence.rows if row.threat != IDS[3]]
    evidence.watched[0] = [line for line in evidence.watched[0] if line[1] not in ("1003-0", "1013-0")]
    evidence.indexed = evidence.history_total = 5


def find_twice(evidence):
    evidence.outstanding = {IDS[2]}


def fork_a_key(evidence):
    evidence.answers.append(Answer(1003, 0, 0, 2, 202, [IDS[1]]))


def complete_twice(evidence):
    evidence.rows.append(Row("1020-0", "completed", IDS[0]))
    evidence.watched[0].append(("event", "1020-0", "new_threat"))


def lose_a_record(evidence):
    evidence.without_result = {IDS[0]}


def count_history_twice(evidence):
    evidence.history_total = 7


def index_one_more(evidence):
    evidence.indexed = 7


def rob_a_living_worker(evidence):
    evidence.claims["worker-2"] = 1


def take_more_than_was_held(evidence):
    evidence.claims["worker-1"] = 3


def take_what_nobody_handed_back(evidence):
    evidence.claims["__released"] = 1


def take_ones_own_again(evidence):
    evidence.claims["own:worker-2"] = 1


def tell_too_little(evidence):
    evidence.backlog = [BacklogSample("api0", (6, 2), (6, 4), 1, True)]


def tell_too_little_with_a_flag(evidence):
    evidence.backlog = [BacklogSample("api0", (6, 2), (6, 4), 1, False)]


def tell_too_much(evidence):
    evidence.backlog = [BacklogSample("api0", (6, 2), (6, 4), 5, True)]


def grow(evidence):
    evidence.memory[0] = dataclasses.replace(evidence.memory[0], least_after=12 * MIB)


def leave_consumers(evidence):
    evidence.surplus = ["40 consumers of 3 workers"]


def stand_still(evidence):
    """Twenty more signals come before the fault; nothing moves for twenty seconds after it."""
    more = [f"late-{number}" for number in range(20)]
    evidence.rows = evidence.rows[:6] + [Row(f"1004-{number}", "created", id_) for number, id_ in enumerate(more, 1)]
    evidence.rows += [Row(f"{30000 + number}-0", "completed", id_) for number, id_ in enumerate(IDS + more)]
    evidence.indexed = evidence.history_total = 26
    evidence.watched = {}


def miss_an_event(evidence):
    evidence.watched[0] = without(evidence.watched[0], 5)


def miss_the_last_event(evidence):
    evidence.watched[0] = evidence.watched[0][:-1]


def hear_twice(evidence):
    evidence.watched[0].insert(5, evidence.watched[0][3])


def hear_what_was_not(evidence):
    evidence.watched[0].append(("event", "1030-0", "new_threat"))


def be_placed_too_far(evidence):
    evidence.watched[0] = evidence.watched[0][:-1] + [("position", "1015-0", "")]


def hear_another_kind(evidence):
    evidence.watched[0][3] = ("event", evidence.watched[0][3][1], "new_threat")


@pytest.mark.parametrize(
    "plant, invariant",
    [
        (lose, "I1"),
        (find_twice, "I1"),
        (fork_a_key, "I1"),
        (complete_twice, "I2"),
        (lose_a_record, "I2"),
        (count_history_twice, "I2"),
        (index_one_more, "I2"),
        (rob_a_living_worker, "I3"),
        (take_more_than_was_held, "I3"),
        (take_what_nobody_handed_back, "I3"),
        (take_ones_own_again, "I3"),
        (tell_too_little, "I4"),
        (tell_too_little_with_a_flag, "I4"),
        (tell_too_much, "I4"),
        (grow, "I5"),
        (leave_consumers, "I5"),
        (stand_still, "I6"),
        (miss_an_event, "I7"),
        (miss_the_last_event, "I7"),
        (hear_twice, "I7"),
        (be_placed_too_far, "I7"),
        (hear_what_was_not, "I7"),
        (hear_another_kind, "I7"),
    ],
)
def test_what_is_planted_is_found(plant, invariant):
    evidence = good()
    plant(evidence)
    assert broken(evidence) == {invariant}


def test_what_may_be_lost_is_excused():
    evidence = good()
    lose(evidence)
    evidence.may_lose = [(900, 1100)]
    audit = Audit(evidence)
    assert audit.lost == [] and audit.excused == [IDS[3]]
    evidence.may_lose = [(1001, 1100)]
    assert Audit(evidence).lost == [IDS[3]]


def test_a_reset_is_no_silent_hole():
    evidence = good()
    heard = evidence.watched[0]
    evidence.watched[0] = heard[:4] + [("closed", "1013", ""), ("open", "", ""), ("initial", "1011-0", ""), ("resume", "1001-0", ""),
                                       ("reset", "1011-0", "")] + heard[10:]
    assert broken(evidence) == set()


def test_a_resume_must_bring_what_was_missed():
    evidence = good()
    heard = evidence.watched[0]
    back = [("closed", "1006", ""), ("open", "", ""), ("initial", "1011-0", ""), ("resume", "1001-0", "")]
    evidence.watched[0] = heard[:4] + back + heard[4:]
    assert broken(evidence) == set()
    evidence.watched[0] = heard[:4] + back + heard[10:]
    assert broken(evidence) == {"I7"}


@pytest.fixture(scope="module")
def trial():
    """A real fleet that did 500 threats without any fault."""
    with Fleet(apis=1, workers=1) as fleet, Trial(fleet) as running:
        running.produce(count=500, rate=5000)
        running.rest()
        yield running
        running.watchers.finish(10)
        running.sampler.finish()


def delete_a_record(store, id_):
    store.delete(f"threat:{id_}")


def delete_rows(store, id_):
    for row in read_rows(store):
        if row.threat == id_:
            store.xdel("threats:log", row.id)


def complete_again(store, id_):
    store.xadd("threats:log", {"kind": "completed", "id": id_, "row": "-"})


def count_again(store, id_):
    key = next(store.scan_iter("history:customer:*", count=1000))
    total, _, rest = store.get(key).partition(" ")
    store.set(key, f"{int(total) + 1} {rest}")


@pytest.mark.parametrize(
    "plant, invariant", [(delete_a_record, "I2"), (count_again, "I2"), (complete_again, "I2"), (delete_rows, "I1")]
)
def test_what_is_planted_in_redis_is_found(trial, plant, invariant):
    assert not any(Audit(trial.collect()).broken[name] for name in ("I1", "I2")) or plant is not delete_a_record
    before = len(Audit(trial.collect()).broken[invariant])
    id_ = trial.producers[0].answers()[7].ids[0] if plant is not delete_rows else trial.producers[0].answers()[9].ids[0]
    plant(trial.fleet.store, id_)
    assert len(Audit(trial.collect()).broken[invariant]) > before


def test_a_hole_is_forgiven_only_when_the_reset_comes_soon():
    evidence = good()
    heard = evidence.watched[0]
    evidence.watched[0] = without(heard, 5) + [("reset", "1015-0", "")]
    assert broken(evidence) == set()
    evidence.watched[0] = without(heard, 5) + [("reset", "9015-0", "")]
    assert broken(evidence) == {"I7"}


def test_what_a_failover_takes_back_must_be_told():
    evidence = good()
    heard = evidence.watched[0]
    hear_what_was_not(evidence)
    evidence.may_unsay = [(1030, 1040)]
    assert broken(evidence) == {"I7"}
    evidence.watched[0] = [*heard, ("reset", "1030-1", "")]
    assert broken(evidence) == set()
    evidence.may_unsay = []
    assert broken(evidence) == {"I7"}


def test_redelivery_ends_where_the_next_worker_is_lost():
    evidence = good()
    evidence.losses.append(OwnerLoss("worker-2", 1008, {"1-0": IDS[0]}))
    evidence.claims["worker-2"] = 1
    done = {row.threat: row.at_ms for row in evidence.rows if row.kind == "completed"}
    assert Audit(evidence).redelivery_ms == sorted([1008 - 1005, done[IDS[1]] - 1005])
    assert Audit(evidence).again_ms == [done[IDS[0]] - 1008], "it was a suspect then"
    evidence.losses.append(OwnerLoss("worker-3", 2000, {"1-0": IDS[0]}))
    assert len(Audit(evidence).redelivery_ms + Audit(evidence).again_ms) == 3, "a loss of what was finished before is none that anybody waits for"
