"""The C checker of schemas (tests/support) and python3-jsonschema judge the same bodies alike."""

import copy
import json
import random
import subprocess

import jsonschema
import pytest

import contract
from processes import BUILD

pytestmark = pytest.mark.plain

SEED = 41
BODIES = 8
CHANGES = 40
VALUES = [None, True, False, 0, -1, 1, 0.5, 1.0, 2, 101, -201, 10**12 + 1, "", "high", "zz", "2026-11-26T20:00:00.000Z"]
VALUES += [[], {}, [1], {"zz": 1}, ["zz"], "10.0.0.0/8", "019a8b7c-0000-7000-8000-000000000001", "T1110.004", "ä" * 201]


def run(*arguments, stdin=""):
    done = subprocess.run(
        [BUILD / "unit" / "schema-check", *arguments], input=stdin, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def bodies():
    return [json.loads(line) for line in run(str(SEED), str(BODIES))]


def containers(node, path=()):
    """Every object and array, with the way to it."""
    if isinstance(node, (dict, list)):
        yield path
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from containers(node[key], (*path, key))


def follow(node, path):
    for key in path:
        node = node[key]
    return node


def changed(body, dice):
    """The body with one thing changed: gone, added, replaced or doubled. It may still be valid."""
    body = copy.deepcopy(body)
    node = follow(body, dice.choice(list(containers(body))))
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    kind = dice.choice(["drop", "replace", "replace", "replace", "add"])
    if kind == "add" or not keys:
        value = copy.deepcopy(dice.choice(VALUES))
        if isinstance(node, dict):
            node[dice.choice(["zz", "severity", "review_reason", "agent_deadline_ms", "critical"])] = value
        else:
            node.append(copy.deepcopy(dice.choice(node)) if node else value)
    elif kind == "drop":
        del node[dice.choice(keys)]
    else:
        node[dice.choice(keys)] = copy.deepcopy(dice.choice(VALUES))
    return body


def reference_judgement(body):
    validator = contract.validator("analysis.json")
    without_formats = jsonschema.Draft202012Validator(validator.schema, resolver=validator.resolver)
    return without_formats.is_valid(body)


def test_both_call_random_bodies_valid(bodies):
    assert run(stdin="".join(json.dumps(body) + "\n" for body in bodies)) == ["fine"] * BODIES
    assert all(reference_judgement(body) for body in bodies)


def test_both_judge_changed_bodies_alike(bodies):
    dice = random.Random(SEED)
    others = [changed(body, dice) for body in bodies for _ in range(CHANGES)]
    told = run(stdin="".join(json.dumps(body) + "\n" for body in others))
    assert len(told) == len(others)
    expected = [reference_judgement(body) for body in others]
    apart = [
        (word, valid, json.dumps(body)) for word, valid, body in zip(told, expected, others) if (word == "fine") != valid
    ]
    assert not apart, apart[0]
    assert 0.5 * len(others) < expected.count(False) < len(others)
