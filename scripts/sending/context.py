"""Context documents: customers, infra events, incidents and threat-intel lists in one JSON file, loaded through
the public API. scripts/load, scripts/run and scripts/evaluate use it.

A document is one JSON object:

    {"customers":    {"acme": {"name": "Acme", "tier": "premium", …}},
     "infra_events": [{"id": "chg-1", "kind": "deployment", "title": "…", "starts_at": "now-30m", "ends_at": "now+30m"}],
     "incidents":    [{"id": "INC-7", "customer_id": "acme", "verdict": "false_positive", …}],
     "indicators":   [{"list": "bad-hosts", "category": "blocklist", "source": "…", "as_of": "2026-11-01",
                       "entries": ["192.0.2.0/24", ["198.51.100.7", 95]]}]}

Times may stand as "now", "now-30m", "now+2h", "now-3d". Several documents may stand in a file, a line each. What is
published elsewhere is taken as it is, as a list with the file's name: a plain list of addresses or a STIX 2.1 bundle
as a blocklist, the JSON of a crawler's published ranges as those of the crawler that the file is named after
(googlebot.json).
"""

import datetime
import json
import pathlib
import re
import urllib.parse

PARTS = ("customers", "infra_events", "incidents", "indicators")
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
INCIDENTS_PER_REQUEST = 1000
LIST_OPTIONS = ("list", "category", "source", "as_of", "score", "crawler", "family")
PUBLISHED = pathlib.Path(__file__).resolve().parents[2] / "shared" / "context" / "crawlers" / "published_ranges.json"


class Refused(Exception):
    """What could not be loaded, and why: said to the user as it stands."""


def time_of(text, now):
    found = re.fullmatch(r"now(?:([+-]\d+)([mhd]))?", text)
    if found is None:
        return text
    if found[1]:
        now += datetime.timedelta(**{UNITS[found[2]]: int(found[1])})
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def with_times(value, now):
    if isinstance(value, dict):
        return {key: with_times(member, now) for key, member in value.items()}
    if isinstance(value, list):
        return [with_times(member, now) for member in value]
    return time_of(value, now) if isinstance(value, str) and value.startswith("now") else value


def as_list(path, content, content_type, **options):
    """A document with one list, of a file that is sent as it is."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", pathlib.Path(path).stem)
    return {"indicators": [{"list": name, "source": pathlib.Path(path).name, "raw": (content, content_type), **options}]}


def crawler_named(path):
    wanted = re.sub(r"[^a-z0-9]", "", pathlib.Path(path).stem.lower())
    for name in json.loads(PUBLISHED.read_bytes()):
        if re.sub(r"[^a-z0-9]", "", name.lower()) == wanted:
            return name
    raise Refused(f"{path}: holds a crawler's ranges, and its name is none of a crawler that publishes them")


def document_of(path, value, content):
    if isinstance(value, dict) and value.get("type") == "bundle":
        return as_list(path, content, "application/json", category="blocklist")
    if isinstance(value, dict) and "prefixes" in value:
        return as_list(path, content, "application/json", category="crawler", crawler=crawler_named(path))
    if not isinstance(value, dict) or set(value) - set(PARTS):
        raise Refused(f"{path}: wants an object with {', '.join(PARTS)}")
    return with_times(value, datetime.datetime.now(datetime.timezone.utc))


def joined(documents):
    whole = {}
    for document in documents:
        for part, rows in document.items():
            if part in whole:
                whole[part] = {**whole[part], **rows} if isinstance(rows, dict) else whole[part] + rows
            else:
                whole[part] = rows
    return whole


def read(path):
    """The document of a file; Refused when it is none."""
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if content.lstrip()[:1] not in (b"{", b"["):
        return as_list(path, content, "text/plain", category="blocklist")
    try:
        return document_of(path, json.loads(content), content)
    except ValueError:
        pass
    try:
        return joined(document_of(path, json.loads(line), line) for line in content.splitlines() if line.strip())
    except ValueError:
        raise Refused(f"{path}: is no JSON that can be read") from None


def expect(answer, what):
    if answer.status >= 300:
        raise Refused(f"{what}: {answer.problem_text()}")
    return answer.body


def load_customers(client, customers):
    for customer_id, record in customers.items():
        path = f"/api/customers/{urllib.parse.quote(customer_id, safe='')}"
        expect(client.put(path, record), f"customer {customer_id}")
    return len(customers)


def load_infra_events(client, events):
    for event in events:
        expect(client.post("/api/infra-events", event), f"infra event {event.get('id', event.get('title'))}")
    return len(events)


def load_incidents(client, incidents):
    for first in range(0, len(incidents), INCIDENTS_PER_REQUEST):
        group = incidents[first : first + INCIDENTS_PER_REQUEST]
        answer = expect(client.post("/api/incidents", group), "incidents")
        if answer["rejected"]:
            raise Refused(f"incidents: {answer['rejected']} rejected, the first: {answer['errors'][0]}")
    return len(incidents)


def lines_of(indicators):
    if "raw" in indicators:
        return indicators["raw"]
    rows = [entry if isinstance(entry, list) else [entry, ""] for entry in indicators["entries"]]
    return "".join(f"{address},{score}\n" for address, score in rows).encode(), "text/csv"


def load_indicators(client, lists):
    for indicators in lists:
        options = {name: indicators[name] for name in LIST_OPTIONS if name in indicators}
        body, content_type = lines_of(indicators)
        path = "/api/intel/indicators?" + urllib.parse.urlencode(options)
        expect(client.post(path, body, content_type=content_type), f"list {indicators.get('list')}")
    return len(lists)


LOADERS = {
    "customers": load_customers,
    "infra_events": load_infra_events,
    "incidents": load_incidents,
    "indicators": load_indicators,
}


def load(client, document):
    """How many of each part were loaded. Stops at the first that is refused."""
    return {part: LOADERS[part](client, document[part]) for part in PARTS if document.get(part)}
