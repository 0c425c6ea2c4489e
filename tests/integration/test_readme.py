"""What README.md and ARCHITECTURE.md say, held against the programs and the tree."""

import re
import subprocess

import pytest

from processes import BUILD, REPOSITORY

README = (REPOSITORY / "README.md").read_text()
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text()
FOLDERS = "api|worker|shared|schemas|helm|kind|scripts|tests"
TOP_LEVEL = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CMakeLists.txt", "Makefile")


def told_by(program, option):
    done = subprocess.run([BUILD / program, option], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def section(document, heading):
    """The text behind a heading, up to the next one of its level or above."""
    level = heading.split(" ")[0]
    body = document.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"^#{{1,{len(level)}}} ", body, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """Cells of all table rows, without the heads and the lines below them."""
    lines = text.splitlines()
    heads = {i - 1 for i, line in enumerate(lines) if re.fullmatch(r"[|\- ]+", line) and "---" in line}
    found = []
    for i, line in enumerate(lines):
        if line.startswith("|") and i not in heads and i - 1 not in heads:
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def settings_of(program):
    """VARIABLE, DEFAULT, ALLOWED, MEANING as --help prints them in columns."""
    lines = told_by(program, "--help").splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("VARIABLE"))
    starts = [lines[head].index(word) for word in ("VARIABLE", "DEFAULT", "ALLOWED", "MEANING")]
    ends = [*starts[1:], None]
    return [[line[start:end].strip() for start, end in zip(starts, ends)] for line in lines[head + 1 :] if line]


@pytest.mark.parametrize("program", ["soc-api", "soc-worker"])
def test_settings_are_those_of_help(program):
    told = [
        [f"`{name}`", "" if default == "-" else f"`{default}`", allowed, meaning]
        for name, default, allowed, meaning in settings_of(program)
    ]
    assert len(told) > 5
    expected = "\n".join(f"| {' | '.join(row)} |" for row in told)
    assert rows(section(README, f"### {program}")) == told, f"the table should be\n{expected}"


def test_http_calls_are_the_routes():
    named = [row[0].strip("`") for row in rows(section(README, "## HTTP"))]
    assert sorted(named) == sorted(told_by("soc-api", "--routes").splitlines())


def test_every_key_is_in_the_table_of_keys():
    spelled = (REPOSITORY / "shared/redis/keys.c").read_text()
    fixed = re.findall(r'\[KEY_\w+\] = "([^"]+)"', spelled)
    families = re.findall(r'begin\(keyspace, "([^"]+)", out\)', spelled)
    assert fixed and families
    named = [row[0].strip("`") for row in rows(section(README, "## Redis"))]
    assert sorted(name.split("{")[0] for name in named) == sorted([*fixed, *families])


def log_events_of(program):
    """message → level, fields, once_by, action, as --log-events prints them."""
    return {message: rest for message, *rest in (line.split("\t") for line in told_by(program, "--log-events").splitlines())}


def test_log_events_are_the_tables():
    api, worker = log_events_of("soc-api"), log_events_of("soc-worker")
    assert len(api) > 10 and len(worker) > 10 and all(api[message] == worker[message] for message in api.keys() & worker.keys())
    code = lambda words: "" if words == "-" else " ".join(f"`{word}`" for word in words.split())
    expected = []
    for message, (level, fields, once_by, action) in {**api, **worker}.items():
        writer = "both" if message in api and message in worker else "api" if message in api else "worker"
        expected.append([message, level, writer, code(fields), code(once_by), action])
    shown = "\n".join(f"| {' | '.join(row)} |" for row in expected)
    assert rows(section(README, "## Logs")) == expected, f"the table should be\n{shown}"


def test_websocket_messages_are_those_of_the_schema():
    import contract

    definitions = contract.load("events.json")["$defs"]
    of_schema = {(ref["$ref"].rsplit("/", 1)[1], side) for side in ("server", "client") for ref in definitions[side]["oneOf"]}
    assert {(row[0].strip("`"), row[1]) for row in rows(section(README, "## WebSocket"))} == of_schema


def test_statuses_are_those_of_the_table():
    source = (REPOSITORY / "shared/base/status.c").read_text()
    told = re.findall(r'\[STATUS_\w+\] = \{"([^"]+)", (\d+), "[^"]*",\s*ENTRY_(\w+)\}', source)
    assert len(told) > 10
    expected = [[f"`{name}`", http, action.lower()] for name, http, action in told]
    assert rows(section(ARCHITECTURE, "## Statuses")) == expected


def test_closing_reasons_are_those_of_the_table():
    import contract

    source = (REPOSITORY / "shared/model/closing_reason.c").read_text()
    told = re.findall(r"\[REASON_(\w+)\] = \{(\d+), VERDICT_(\w+)\}", source)
    expected = [[f"`{word.lower()}`", number, "either" if verdict == "NONE" else f"`{verdict.lower()}`"] for word, number, verdict in told]
    assert [row[0].strip("`") for row in expected] == contract.load("vocabulary.json")["$defs"]["closing_reason"]["enum"]
    assert rows(section(README, "## Verdicts")) == expected


def test_reasons_of_dead_letters_are_the_vocabulary():
    import contract

    named = [row[0].strip("`") for row in rows(section(README, "## Dead letters"))]
    assert named == contract.load("vocabulary.json")["$defs"]["dead_reason"]["enum"]


def test_folders_need_what_they_link():
    lines = re.findall(r"^soc_folder\((\S+) ?(.*)\)$", (REPOSITORY / "CMakeLists.txt").read_text(), re.MULTILINE)
    linked = {folder: [need.rpartition("::")[2].lower() for need in needs.split()] for folder, needs in lines}
    named = {row[0].strip("`"): re.findall(r"`([^`]+)`", row[1]) for row in rows(section(ARCHITECTURE, "## Folders and what they may need"))}
    assert named == linked


def named_files(document):
    """Paths in code spans, links and commands."""
    paths = set(re.findall(rf"(?<![\w/.:{{}}-])((?:{FOLDERS})/[\w./-]*\w)", document))
    return paths | {name for name in TOP_LEVEL if name in document}


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md"])
def test_every_named_file_is_there(document):
    paths = named_files((REPOSITORY / document).read_text())
    assert len(paths) > 5
    assert [path for path in sorted(paths) if not (REPOSITORY / path).exists()] == []


def test_every_file_named_without_its_folder_is_there():
    tree = {path.name for folder in FOLDERS.split("|") for path in (REPOSITORY / folder).rglob("*")}
    named = set(re.findall(r"(?<![\w/])(\w+\.(?:c|h|lua|py))\b", README + ARCHITECTURE))
    made_in_the_walk = {"brief.py"}
    assert sorted(named - made_in_the_walk - tree) == []


def test_inner_links_lead_to_headings():
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in README.splitlines() if re.match(r"#+ ", line)}
    links = re.findall(r"\]\(#([^)]+)\)", README)
    assert links and set(links) <= headings


def test_tests_named_as_guards_exist():
    """`tests/….py` and `tests/….c` of "How to add" hold the tests that it promises."""
    promised = set(re.findall(r"tests/[\w/]+\.(?:c|py)", section(ARCHITECTURE, "## How to add")))
    assert promised
    for path in promised:
        assert re.search(r"^(def test_|Test\()", (REPOSITORY / path).read_text(), re.MULTILINE), path
