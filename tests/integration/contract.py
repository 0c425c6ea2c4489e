"""The schemas of the repository as validators."""

import datetime
import functools
import json
import re

import jsonschema
import yaml

from processes import REPOSITORY


SCHEMAS = REPOSITORY / "schemas"
BASE = "https://soc-agent.example/schemas/"
TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")

formats = jsonschema.FormatChecker()


@formats.checks("date-time")
def is_date_time(value):
    if not isinstance(value, str):
        return True
    parts = TIME.fullmatch(value)
    if parts is None:
        return False
    offset = "+00:00" if parts[4] in "Zz" else parts[4]
    try:
        datetime.datetime.fromisoformat(f"{parts[1]}T{parts[2]}{offset}")
    except ValueError:
        return False
    return True


@formats.checks("json-pointer")
def is_json_pointer(value):
    return not isinstance(value, str) or re.fullmatch(r"(/([^~/]|~[01])*)*", value) is not None


@functools.lru_cache(maxsize=None)
def load(name):
    return json.loads((SCHEMAS / name).read_text())


@functools.lru_cache(maxsize=None)
def openapi():
    return yaml.safe_load((SCHEMAS / "openapi.yaml").read_text())


def names():
    return sorted(path.name for path in SCHEMAS.glob("*.json"))


@functools.lru_cache(maxsize=None)
def validator(reference):
    """`reference` is like "events.json#/$defs/server", or as openapi.yaml writes it."""
    reference = reference.removeprefix("../schemas/")
    store = {BASE + name: load(name) for name in names()}
    schema = {"$ref": BASE + reference}
    resolver = jsonschema.RefResolver(BASE, schema, store=store, handlers={"https": no_network})
    return jsonschema.Draft202012Validator(schema, resolver=resolver, format_checker=formats)


def no_network(uri):
    raise AssertionError(f"{uri} is not a schema of ours")


def leaves(error):
    if not error.context:
        return [error]
    return [leaf for inner in error.context for leaf in leaves(inner)]


def check(value, reference):
    """Fails with the innermost faults; returns the value."""
    errors = list(validator(reference).iter_errors(value))
    words = [f"{leaf.json_path}: {leaf.message[:300]}" for error in errors for leaf in leaves(error)]
    assert not errors, f"not valid by {reference}:\n" + "\n".join(words[:12])
    return value


def check_problem(response, status):
    """An RFC 9457 answer; returns its body."""
    assert response.status_code == status, (response.status_code, response.text[:500])
    assert response.headers["Content-Type"].split(";")[0] == "application/problem+json"
    body = check(response.json(), "problem.json")
    assert body["status"] == status
    return body


def check_sums(analysis):
    """The figures that must be explained by their parts."""
    assert analysis["risk_score"] == sum(row["points"] for row in analysis["risk_factors"])
    fp = analysis["false_positive_score"]
    explained = 0.5 + sum(row["impact"] for row in fp.get("indicators", []))
    assert abs(fp["score"] - min(1, max(0, explained))) < 1e-6, (fp["score"], explained)
    line = analysis["investigation_timeline"]
    assert abs(sum(line["phase_breakdown"].values()) - line["duration_ms"]) < 0.01
    stamps = [event["timestamp"] for event in line["events"]]
    assert stamps == sorted(stamps)
    return analysis
