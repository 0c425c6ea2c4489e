"""The calls in the sources write what the table of log events promises; so do the programs."""

import re
import subprocess

import pytest

from processes import BUILD, REPOSITORY

SOURCES = [path for folder in ("api", "worker", "shared") for path in (REPOSITORY / folder).rglob("*.c")]
FIELD = "LOG_(?:TEXT|STRING|NUMBER|DECIMAL|THREAT)"
OF_TRACES = {"trace_id", "span_id"}  # any line about a threat may have them
OF_THREATS = ["threat_id", "trace_id", "span_id", "customer_name"]  # LOG_THREAT


def calls_in(text):
    """(events, names of fields) of each log_write( … ) in a C file."""
    for start in re.finditer(r"\blog_write\(", text):
        depth, end = 1, start.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        call = text[start.end() : end - 1]
        events = re.findall(r"\bLOG_[A-Z_]+\b(?!\()", re.split(rf"{FIELD}\(", call)[0])
        fields = re.findall(rf'({FIELD})\((?:\s*"(\w+)")?', call)
        yield events, [name for macro, own in fields for name in (OF_THREATS if macro == "LOG_THREAT" else [own])]


CALLS = [(path.relative_to(REPOSITORY), *call) for path in SOURCES for call in calls_in(path.read_text())]
TABLE = {
    event: (message, fields.split())
    for event, message, fields in re.findall(
        r'\[(LOG_\w+)\] = \{"([^"]+)", \w+, \w+, "([^"]*)"', (REPOSITORY / "shared/telemetry/log_events.c").read_text()
    )
}


def told_by(program):
    done = subprocess.run([BUILD / program, "--log-events"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_the_table_was_read_whole():
    assert {message for message, _ in TABLE.values()} == told_by("soc-api") | told_by("soc-worker")


@pytest.mark.parametrize("path, events, names", CALLS, ids=[f"{path.name}-{events[0]}" for path, events, _ in CALLS])
def test_a_call_writes_the_fields_of_its_event(path, events, names):
    assert events
    for event in events:
        documented = TABLE[event][1]
        own = [name for name in names if name not in OF_TRACES]
        assert set(own) <= set(documented), f"{path}: {event} has no such field"
        assert own == [name for name in documented if name in own], f"{path}: {event} has another order"
        assert "threat_id" in documented or not OF_TRACES & set(names), f"{path}: {event} is about no threat"


def test_every_event_and_every_field_is_written_somewhere():
    written = {}
    for _, events, names in CALLS:
        for event in events:
            written.setdefault(event, set()).update(names)
    assert set(written) == set(TABLE)
    assert {event: set(fields) - written[event] for event, (_, fields) in TABLE.items() if set(fields) - written[event]} == {}


@pytest.mark.parametrize("program, folder", [("soc-api", "worker"), ("soc-worker", "api")])
def test_each_program_lists_its_own_events(program, folder):
    """What only the other program's folder writes is not this one's."""
    own = told_by(program)
    elsewhere = {event for path, events, _ in CALLS for event in events if path.parts[0] != folder}
    foreign = {TABLE[event][0] for event in TABLE if event not in elsewhere}
    assert foreign and not own & foreign
