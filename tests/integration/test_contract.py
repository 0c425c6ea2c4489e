"""What the programs say and what schemas/ says, held against each other."""

import json
import re
import subprocess

import jsonschema
import pytest

import contract
from contract import check, check_problem
from live_client import LiveClient
from processes import BUILD, wait_until
from sample_signals import TYPES, fresh_customer, signal


def told_by_program(option):
    done = subprocess.run([BUILD / "soc-api", option], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def vocabulary():
    return json.loads(told_by_program("--vocabulary"))


# --- the schemas by themselves


@pytest.mark.parametrize("name", contract.names())
def test_schema_is_a_schema(name):
    jsonschema.Draft202012Validator.check_schema(contract.load(name))
    assert contract.load(name)["$id"] == contract.BASE + name


def references(node, path=""):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield path, value
            else:
                yield from references(value, f"{path}/{key}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from references(value, f"{path}/{i}")


def find(document, pointer):
    for token in pointer.strip("/").split("/") if pointer.strip("/") else []:
        document = document[token.replace("~1", "/").replace("~0", "~")]
    return document


@pytest.mark.parametrize("name", [*contract.names(), "openapi.yaml"])
def test_references_lead_somewhere(name):
    document = contract.openapi() if name == "openapi.yaml" else contract.load(name)
    for _, reference in references(document):
        file, _, pointer = reference.removeprefix("../schemas/").partition("#")
        assert find(contract.load(file) if file else document, pointer) is not None


def examples_of(name):
    """(reference to a schema, example) of every `examples` in a schema file."""

    def walk(node, pointer):
        if isinstance(node, dict):
            for example in node.get("examples", []):
                yield f"{name}#{pointer}", example
            for key, value in node.items():
                if key != "examples":
                    yield from walk(value, f"{pointer}/{key}")

    return list(walk(contract.load(name), ""))


@pytest.mark.parametrize("name", contract.names())
def test_examples_are_valid(name):
    for reference, example in examples_of(name):
        check(example, reference)


def openapi_examples():
    def walk(node):
        if isinstance(node, dict):
            if "schema" in node and "examples" in node:
                for key, example in node["examples"].items():
                    yield pytest.param(node["schema"]["$ref"], example["value"], id=key)
            for value in node.values():
                yield from walk(value)

    return list(walk(contract.openapi()))


@pytest.mark.parametrize("reference, example", openapi_examples())
def test_openapi_examples_are_valid(reference, example):
    check(example, reference)


# --- C tables and schemas


def test_vocabulary_is_the_schemas_vocabulary(vocabulary):
    of_schemas = {name: rule["enum"] for name, rule in contract.load("vocabulary.json")["$defs"].items()}
    assert {name: words for name, words in vocabulary.items() if name != "limits"} == of_schemas


def schema_limits():
    fields = contract.load("signal.json")["properties"]
    shared = contract.load("common.json")["$defs"]
    return {
        "customer_id_max": shared["customer_id"]["maxLength"],
        "customer_name_max": shared["customer_name"]["maxLength"],
        "user_agent_max_bytes": fields["user_agent"]["x-max-bytes"],
        "request_count_max": fields["request_count"]["maximum"],
        "time_window_minutes_max": fields["time_window_minutes"]["maximum"],
        "raw_data_max_bytes": fields["raw_data"]["x-max-bytes"],
        "raw_data_max_depth": fields["raw_data"]["x-max-depth"],
        "signal_max_bytes": contract.load("signal.json")["x-max-bytes"],
        "future_max_ms": fields["detected_at"]["x-max-future-ms"],
        "schema_version": contract.load("analysis.json")["properties"]["schema_version"]["const"],
    }


def test_limits_are_the_schemas_limits(vocabulary):
    assert vocabulary["limits"] == schema_limits()


def test_the_words_of_test_data_are_the_vocabulary():
    assert TYPES == contract.load("vocabulary.json")["$defs"]["threat_type"]["enum"]


def test_every_signal_field_of_the_trigger_is_a_field_of_the_signal():
    assert set(contract.load("trigger.json")["properties"]) == set(contract.load("signal.json")["properties"])


def test_routes_are_the_documented_ones():
    documented = {f"{method.upper()} {path}" for path, item in contract.openapi()["paths"].items() for method in item}
    assert set(told_by_program("--routes").split("\n")) - {""} == documented


# --- real answers


def documented_status(method, path, status):
    responses = contract.openapi()["paths"][path][method]["responses"]
    assert str(status) in responses, f"{method} {path} answers {status}, which openapi.yaml does not name"


ANSWERS = [
    ("get", "/health", None, 200, "health.json"),
    ("get", "/ready", None, 200, "ready.json"),
    ("get", "/api/stats", None, 200, "stats.json"),
    ("get", "/api/backlog", None, 200, "backlog.json"),
    ("post", "/api/threats", signal(), 202, "accepted.json"),
    ("post", "/api/threats/trigger", {"threat_type": "geo_anomaly"}, 200, "analysis.json"),
    ("post", "/api/threats/batch", [signal(), signal(source_ip="nowhere")], 202, "batch_result.json"),
    ("post", "/api/threats/batch", [signal(source_ip="nowhere")], 422, "problem.json"),
    ("post", "/api/threats", {"threat_type": 7}, 422, "problem.json"),
    ("post", "/api/incidents", contract.load("incident.json")["examples"], 200, "incidents_result.json"),
    ("post", "/api/incidents", [{}], 422, "problem.json"),
]


@pytest.mark.parametrize("method, path, body, status, schema", ANSWERS)
def test_answer_is_valid(api, method, path, body, status, schema):
    answer = api.get(path) if method == "get" else api.post(path, body)
    assert answer.status_code == status, answer.text
    check(answer.json(), schema)
    documented_status(method, path, answer.status_code)


@pytest.mark.parametrize("word", contract.load("verdict.json")["examples"])
def test_verdicts_are_valid(api, word):
    id_ = api.post_signal(signal(), Prefer="wait=20").json()["id"]
    answer = api.post(f"/api/threats/{id_}/verdict", word)
    documented_status("post", "/api/threats/{id}/verdict", answer.status_code)
    assert check(answer.json(), "verdict_result.json")["id"] == id_
    check(api.get(f"/api/threats/{id_}").json(), "analysis.json")


@pytest.mark.parametrize("threat_type", TYPES)
def test_analysis_of_every_type_is_valid(api, threat_type):
    answer = api.post_signal(signal(threat_type=threat_type, customer_id=fresh_customer()), Prefer="wait=20")
    assert answer.status_code == 200
    contract.check_sums(check(answer.json(), "analysis.json"))


def test_list_and_single_answers_are_valid(api):
    api.post_signal(signal(), Prefer="wait=20")
    rows = api.get("/api/threats?limit=50").json()
    assert rows
    for row in rows:
        check(row, "threat.json")
        assert api.get(f"/api/threats/{row['id']}").json() == row


def test_worker_answers_are_valid(fleet):
    for worker in fleet.workers:
        check(worker.get("/health").json(), "health.json")
        assert set(check(worker.get("/ready").json(), "ready.json")["components"]) == {"redis", "group", "context"}


def test_problems_are_valid(api):
    check_problem(api.get("/api/threats/nonsense"), 422)
    check_problem(api.get("/api/nothing"), 404)
    check_problem(api.post("/health", {}), 405)
    check_problem(api.post("/api/threats", b"{}", headers={"Content-Type": "text/plain"}), 415)
    check_problem(api.get("/ws"), 426)


def test_websocket_messages_are_valid(api):
    with LiveClient(api) as client:
        client.wait_for("initial_batch")
        client.send({"type": "ping"})
        client.send({"type": "nonsense"})
        client.send({"type": "subscribe", "threat_type": ["brute_force"], "severity": ["low", "medium", "high", "critical"]})
        client.wait_for("subscribed")
        client.send({"type": "subscribe"})
        client.wait_for("subscribed", 2)
        id_ = api.post_signal(signal(threat_type="brute_force")).json()["id"]
        client.wait_for("new_threat", where=lambda message: message["data"]["id"] == id_)
        seen = {message["type"] for message in client.messages()}
        assert seen >= {"initial_batch", "pong", "error", "subscribed", "threat_created", "new_threat"}
        for message in client.messages():
            check(message, f"events.json#/$defs/{message['type']}")
            check(message, "events.json#/$defs/server")


def test_openapi_is_served_as_it_stands_in_the_repository(api):
    answer = api.get("/openapi.yaml")
    assert answer.status_code == 200
    assert "yaml" in answer.headers["Content-Type"]
    assert answer.content == (contract.SCHEMAS / "openapi.yaml").read_bytes()


@pytest.mark.parametrize("name", contract.names())
def test_schemas_are_served_where_the_openapi_document_refers_to(api, name):
    answer = api.get(f"/schemas/{name}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/schema+json"
    assert answer.json() == contract.load(name)


def test_an_unknown_schema_is_404(api):
    for name in ("nothing.json", "vocabulary", "signal.json.", "SIGNAL.json", "x" * 2000):
        assert api.get(f"/schemas/{name}").status_code == 404


METRIC_LINE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eE]+|.* (NaN|\+Inf)')


@pytest.mark.parametrize("kind", ["api", "worker"])
def test_metrics_are_prometheus_text(fleet, kind):
    program = fleet.api if kind == "api" else fleet.workers[0]
    answer = program.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    helped, typed = set(), set()
    for line in answer.text.splitlines():
        if line.startswith("# HELP "):
            helped.add(line.split()[2])
        elif line.startswith("# TYPE "):
            typed.add(line.split()[2])
        else:
            assert METRIC_LINE.fullmatch(line), line
    assert helped == typed and len(helped) > 10
    assert "soc_redis_up" in typed


def test_request_metrics_count(api):
    def count():
        return api.metric("http_requests_total", route="GET /health", status_class="2xx") or 0

    before = count()
    api.get("/health")
    wait_until(lambda: count() == before + 1, 5, "the request is counted")


def test_logs_are_json_objects_with_the_common_fields(fleet):
    for program in fleet.programs:
        lines = program.logged()
        assert lines
        for line in lines:
            assert {"timestamp", "level", "message", "component"} <= set(line)
            assert contract.is_date_time(line["timestamp"])
