"""The compiled table of crawlers (build/bench/crawler_claims tells what it says) held against the package that it
was made of, with Python's own regular expressions as the judge."""

import functools
import json
import random
import re
import subprocess
from re import _parser

import pytest

import contract
from processes import BUILD, REPOSITORY

PACKAGE = BUILD / "crawlers/node_modules/crawler-user-agents/crawler-user-agents.json"
PUBLISHED = REPOSITORY / "shared/context/crawlers/published_ranges.json"
RANDOM_ROUNDS = 1200
BROWSERS = 1500
LENGTH_MAX = 1024
TOOLS_FIRST = ["scanner", "browser_automation", "http_library"]
PIECES = [b"", b"/", b" ", b"-", b"; ", b"RSS Reader", b"spider.com", b"1.2", b"bot", b"Bot/", b"\0", b"\xc3\xa4"]


@functools.lru_cache(maxsize=None)
def rows():
    return json.loads(PACKAGE.read_text())


@functools.lru_cache(maxsize=None)
def ranges():
    return {pattern: name for name, row in json.loads(PUBLISHED.read_text()).items() for pattern in row["patterns"]}


@functools.lru_cache(maxsize=None)
def ranked():
    """(pattern, its compiled form), winners first: provable ones, then by least width, then as the package has it."""
    least = {row["pattern"]: _parser.parse(row["pattern"]).getwidth()[0] for row in rows()}
    patterns = sorted((row["pattern"] for row in rows()), key=lambda p: (p not in ranges(), -least[p]))
    return [(pattern, re.compile(pattern.encode())) for pattern in patterns]


def expected(user_agent):
    return next((f"{i}\t{pattern}" for i, (pattern, form) in enumerate(ranked()) if form.search(user_agent)), "")


def told(user_agents):
    """For each user agent the five columns, or one empty one."""
    lines = b"".join(user_agent + b"\n" for user_agent in user_agents)
    done = subprocess.run([BUILD / "bench" / "crawler_claims"], input=lines, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    claims = [line.split("\t") for line in done.stdout.decode().split("\n")[:-1]]
    assert len(claims) == len(user_agents)
    return claims


def check(user_agents):
    """The same claim, or none, as the judge's; returns how many there were."""
    claims = told(user_agents)
    wrong = [
        (user_agent, claim[:2], judged)
        for user_agent, claim in zip(user_agents, claims)
        if "\t".join(claim[:2]) != (judged := expected(user_agent))
    ]
    assert wrong[:5] == []
    return sum(claim != [""] for claim in claims)


def instances():
    return [instance.encode() for row in rows() for instance in row["instances"]]


def browser(dice):
    """An ordinary browser's user agent."""
    system = dice.choice(["Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"])
    phone = dice.choice(["SM-S918B", "Pixel 8 Pro", "M2102J20SG", "CPH2387", "moto g84 5G"])
    chrome = f"{dice.randrange(70, 140)}.0.{dice.randrange(7000)}.{dice.randrange(250)}"
    kit = "AppleWebKit/537.36 (KHTML, like Gecko)"
    apple = f"{dice.randrange(12, 19)}_{dice.randrange(7)}"
    return dice.choice(
        [
            f"Mozilla/5.0 ({system}) {kit} Chrome/{chrome} Safari/537.36",
            f"Mozilla/5.0 ({system}) {kit} Chrome/{chrome} Safari/537.36 Edg/{chrome}",
            f"Mozilla/5.0 ({system}) {kit} Chrome/{chrome} Safari/537.36 OPR/{chrome}",
            f"Mozilla/5.0 ({system}; rv:{chrome[:3]}.0) Gecko/20100101 Firefox/{chrome[:3]}.0",
            f"Mozilla/5.0 (Linux; Android {dice.randrange(8, 15)}; {phone}) {kit} Chrome/{chrome} Mobile Safari/537.36",
            f"Mozilla/5.0 (iPhone; CPU iPhone OS {apple} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            f"Version/{apple[:2]}.0 Mobile/15E148 Safari/604.1",
        ]
    ).encode()


def mutated(dice, user_agent):
    at = dice.randrange(len(user_agent) + 1)
    how = dice.randrange(5)
    if how == 0:
        return user_agent[:at] + user_agent[at + 1 :]
    if how == 1:
        return user_agent[:at] + bytes([dice.choice(b"aZ/-. \x80\xff")]) + user_agent[at + 1 :]
    if how == 2:
        return user_agent[:at] + user_agent[at:].swapcase()
    if how == 3:
        return user_agent[at:]
    return user_agent[:at]


def pieced_together(dice):
    """Halves of needles and whole ones, with what patterns want or forbid between them."""
    parts = []
    for _ in range(dice.randrange(1, 6)):
        text = re.sub(r"\\(.)|[\^$()|\[\]]", r"\1", dice.choice(rows())["pattern"]).encode()
        parts += [dice.choice([text, text, text[1:], text[:-1]]), dice.choice(PIECES)]
    return b"".join(parts)


def noise(dice):
    return bytes(dice.choices([byte for byte in range(256) if byte != 10], k=dice.randrange(LENGTH_MAX)))


def test_each_example_of_the_package_is_recognised():
    assert check(instances()) == len(instances()) > 2000


def test_ordinary_browsers_claim_nothing():
    dice = random.Random(1)
    assert check([browser(dice) for _ in range(BROWSERS)]) == 0


@pytest.mark.parametrize("make", ["mutated", "pieced_together", "noise"])
def test_the_table_agrees_with_the_expressions(make):
    dice = random.Random(make)
    makers = {
        "mutated": lambda: mutated(dice, dice.choice(instances())),
        "pieced_together": lambda: pieced_together(dice),
        "noise": lambda: noise(dice) + pieced_together(dice) if dice.randrange(2) else noise(dice),
    }
    user_agents = [makers[make]() for _ in range(RANDOM_ROUNDS // (4 if make == "noise" else 1))]
    assert 0 < check([user_agent[:LENGTH_MAX] for user_agent in user_agents]) < len(user_agents)


def test_claims_have_the_ranges_and_a_kind_of_the_tags():
    tags = {row["pattern"]: [tag.replace("-", "_") for tag in row["tags"]] for row in rows()}
    kinds = contract.load("vocabulary.json")["$defs"]["crawler_kind"]["enum"]
    for _, pattern, name, proved_by, kind in told(instances()):
        assert kind in kinds and kind in (tags[pattern] or ["other"])
        assert all(tag not in TOOLS_FIRST for tag in tags[pattern]) or kind in TOOLS_FIRST, pattern
        assert proved_by == ranges().get(pattern, "-")
        assert re.search(r"\w", name) and name == name.strip() and "\\" not in name


def test_a_longer_name_does_not_hide_a_provable_one():
    _, pattern, name, proved_by, _ = told([b"Library Of Congress Web Archiving; Googlebot/2.1"])[0]
    assert (pattern, name, proved_by) == ("Googlebot\\/", "Googlebot", "Googlebot")


def test_ranges_name_their_source():
    for name, row in json.loads(PUBLISHED.read_text()).items():
        assert row["source"].startswith("https://") and row["patterns"], name
