"""scripts/compile-crawlers and scripts/fetch-crawlers: machines mean what the expressions mean, and whatever is not
known, or not there, is refused."""

import json
import os
import random
import re
import shutil
import subprocess
import sys

import pytest

from processes import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "scripts"))

from crawlers import claims, machine, pattern  # noqa: E402

pytestmark = pytest.mark.plain

EXPRESSIONS = 400
TEXTS = 60
KNOWN = ["a+b?c*", "^a|b$", "(a|bc)+d", "[^a]b", "[a-c-]d", "a.c", r"\d+\.\w", "(^| )ab([^c]|$)", r"a[\s\S]*b", "(a|b|)c"]
REFUSED = {
    "abc{2}": "bare {",
    "(?i)abc": "special kind",
    "(?:abc)": "special kind",
    r"\babc": r"escape \b",
    r"abc\1": r"escape \1",
    "abc.*?d": "lazy",
    "abc**": "doubled",
    "^+abc": "anchor",
    "abc)": "not open",
    "(abc": "too early",
    "abc[": "too early",
    "abc[a[b]": "within a class",
    "abc[]]": "begins with ]",
    "abc[z-a]": "range",
    "abc\\": "too early",
    "abc]": "bare ]",
    "+abc": "bare +",
    "b\u00f6t": "ASCII",
    "ab": "no 3 bytes",
    "abc|de": "no 3 bytes",
    "(abc)?": "no 3 bytes",
    "abc^d": "never match",
    "(abc[ab]*a[ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab][ab])": "too many states",
}


def finds(compiled, text):
    classes, rows = compiled
    state = machine.START
    for byte in text:
        state = rows[state][classes[byte]]
    return rows[state][-1] == machine.FOUND


def expression(dice, depth):
    """A random one over a small alphabet."""
    how = dice.randrange(8 if depth else 4)
    if how < 3:
        return dice.choice("aabbc")
    if how == 3:
        return dice.choice(["[ab]", "[^a]", ".", "[a-c]"])
    if how == 4:
        return f"({expression(dice, depth - 1)}|{expression(dice, depth - 1)})"
    if how == 5:
        return f"({expression(dice, depth - 1)}){dice.choice('?*+')}"
    return expression(dice, depth - 1) + expression(dice, depth - 1)


def check(written, dice):
    try:
        compiled = machine.compile_tree(pattern.read(written))
    except pattern.Unknown as fault:
        assert "empty text" in str(fault) and re.compile(written.encode()).search(b"") is not None, written
        return False
    for _ in range(TEXTS):
        text = bytes(dice.choices(b"abcd .-7", k=dice.randrange(9)))
        assert finds(compiled, text) == bool(re.search(written.encode(), text)), (written, text)
    return True


def test_known_constructs_mean_the_same():
    dice = random.Random(2)
    assert all(check(written, dice) for written in KNOWN)


def test_random_expressions_mean_the_same():
    dice = random.Random(3)
    random_ones = [expression(dice, 4) for _ in range(EXPRESSIONS)]
    anchored = [f"{dice.choice(['^', '(^| )', ''])}{one}{dice.choice(['$', '([^-]|$)', ''])}" for one in random_ones]
    assert sum(check(written, dice) for written in anchored) > EXPRESSIONS / 3


def compile_rows(tmp_path, rows, published=None):
    (tmp_path / "package.json").write_text(json.dumps(rows))
    (tmp_path / "published.json").write_text(json.dumps(published or {}))
    command = [REPOSITORY / "scripts/compile-crawlers", *(tmp_path / name for name in ("package.json", "published.json", "out.c"))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def row(written, tags=("seo",)):
    return {"pattern": written, "instances": [], "tags": list(tags)}


@pytest.mark.parametrize("written", REFUSED)
def test_an_unknown_construct_is_refused(written):
    with pytest.raises(pattern.Unknown, match=re.escape(REFUSED[written])):
        claims.Claim(row(written), None, 0)


def test_what_is_refused_is_named_and_nothing_is_written(tmp_path):
    done = compile_rows(tmp_path, [row("fine"), row("abc{2}")])
    assert done.returncode == 1 and not (tmp_path / "out.c").exists()
    assert done.stderr == "compile-crawlers: package.json: the pattern abc{2} has a bare {\n"


def test_an_unknown_tag_is_refused(tmp_path):
    done = compile_rows(tmp_path, [row("fine", ["seo", "quantum"])])
    assert done.returncode == 1 and "tag quantum" in done.stderr


def test_ranges_of_a_pattern_that_is_gone_are_refused(tmp_path):
    done = compile_rows(tmp_path, [row("fine")], {"Finebot": {"patterns": ["Finebot"]}})
    assert done.returncode == 1 and "no pattern Finebot" in done.stderr


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r"Googlebot\/", "Googlebot"),
        ("[wW]get", "Wget"),
        ("S[eE][mM]rushBot", "SEMrushBot"),
        ("AdsBot-Google([^-]|$)", "AdsBot-Google"),
        (r"SSL Labs \(https:\/\/www\.ssllabs\.com", "SSL Labs"),
        ("Chirp|gotosocial", "Chirp"),
        (r"Current[\s\S]*RSS Reader", "Current RSS Reader"),
        (r"BlogTraffic\/\d\.\d+ Feed-Fetcher", "BlogTraffic Feed-Fetcher"),
        (r"(^| )PTST\/", "PTST"),
        (r"[+]-+!\/", "+"),
    ],
)
def test_names_are_for_people(written, name):
    assert claims.name_of(pattern.read(written)) == name


def tools_without_npm(folder):
    for tool in ("bash", "dirname", "mkdir", "cp", "cat"):
        os.symlink(shutil.which(tool), folder / tool)
    return {"PATH": str(folder)}


def fetch(folder, environment):
    command = [shutil.which("bash"), REPOSITORY / "scripts/fetch-crawlers", folder]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_a_missing_npm_is_told(tmp_path):
    done = fetch(tmp_path / "out", tools_without_npm(tmp_path))
    assert done.returncode == 1 and "npm is missing: scripts/install-dependencies run" in done.stderr


def test_what_npm_said_is_told_when_it_fails(tmp_path):
    environment = tools_without_npm(tmp_path)
    (tmp_path / "npm").write_text("#!/bin/sh\necho no way to the registry\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    done = fetch(tmp_path / "out", environment)
    assert done.returncode == 1
    assert "no way to the registry" in done.stderr and "npm could not install" in done.stderr
