"""The real programs and the real tools together: what happened to a threat is found in each of them."""

import json
import secrets
import time

import requests

from processes import wait_until
from sample_signals import fresh_customer, signal
from steps import completed

SEEN_LIMIT_S = 60
AGENTS = {f"{name}_agent.analyze" for name in ("historical", "config", "devops", "context", "priority")}
STEPS = {"fp_analyzer.analyze", "response_engine.generate_plan", "timeline_builder.build", "commit"}


def span(trace_id, parent, name, start_ms, end_ms):
    base_ns = time.time_ns()
    times = {"startTimeUnixNano": str(base_ns + start_ms * 1_000_000), "endTimeUnixNano": str(base_ns + end_ms * 1_000_000)}
    return {"traceId": trace_id, "spanId": secrets.token_hex(8), "parentSpanId": parent, "name": name, "kind": 1, **times}


def parents_of(spans):
    """The name of each span's parent by its own name; None without one."""
    names = {span["spanID"]: span["operationName"] for span in spans}
    return {span["operationName"]: next((names.get(ref["spanID"]) for ref in span["references"]), None) for span in spans}


def overlap(spans):
    """They all run at some instant."""
    return max(span["startTime"] for span in spans) <= min(span["startTime"] + span["duration"] for span in spans)


def test_otlp_that_the_collector_takes_is_read_from_jaeger(watched):
    trace_id = secrets.token_hex(16)
    root = span(trace_id, "", "analyze_threat", 0, 10)
    agents = [span(trace_id, root["spanId"], name, 1, 8) for name in sorted(AGENTS)]
    scope = {"scope": {"name": "test"}, "spans": [root, *agents]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "tracing-test"}}]}
    answer = requests.post(watched.otlp_url + "/v1/traces", json={"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}, timeout=20)
    assert answer.status_code == 200, answer.text

    spans = wait_until(lambda: watched.trace(trace_id), SEEN_LIMIT_S, "Jaeger has the trace")
    assert parents_of(spans) == {"analyze_threat": None, **{name: "analyze_threat" for name in AGENTS}}
    assert {span["service"] for span in spans} == {"tracing-test"}
    assert overlap([span for span in spans if span["operationName"] in AGENTS])


def test_one_trace_holds_the_way_of_a_threat(watched):
    trace_id = secrets.token_hex(16)
    analysis = completed_in_trace(watched, trace_id)
    steps = AGENTS | STEPS

    def whole_trace():
        spans = watched.trace(trace_id)
        return steps <= {span["operationName"] for span in spans} and spans

    spans = wait_until(whole_trace, SEEN_LIMIT_S, "Jaeger has every step")
    assert {"soc-api", "soc-worker"} == {span["service"] for span in spans}
    parents = parents_of(spans)
    assert {parents[name] for name in steps} == {"analyze_threat"}
    (whole,) = [span for span in spans if span["operationName"] == "analyze_threat"]
    agents = [span for span in spans if span["operationName"] in AGENTS]
    assert len(agents) == 5 and overlap(agents)
    for agent in agents:
        assert whole["startTime"] <= agent["startTime"]
        assert agent["startTime"] + agent["duration"] <= whole["startTime"] + whole["duration"]
    tags = {tag["key"]: tag["value"] for tag in whole["tags"]}
    assert (tags["threat.id"], tags["threat.severity"]) == (analysis["id"], analysis["severity"])


def completed_in_trace(watched, trace_id):
    headers = {"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "Prefer": "wait=20"}
    answer = watched.fleet.api.post("/api/threats", signal(customer_id=fresh_customer()), headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_trace_s_id_finds_its_log_lines(watched):
    trace_id = secrets.token_hex(16)
    analysis = completed_in_trace(watched, trace_id)
    lines = when_in_loki(watched, f'{{job="soc", component="soc-worker"}} | trace_id="{trace_id}"')
    assert {json.loads(line)["threat_id"] for _, line in lines} == {analysis["id"]}


def when_in_loki(watched, query):
    return wait_until(lambda: watched.log_lines(query), SEEN_LIMIT_S, f"Loki answers {query}")


def test_a_threat_s_id_finds_its_log_lines(watched):
    analysis = completed(watched.fleet.api, customer_id=fresh_customer())
    lines = when_in_loki(watched, f'{{job="soc", component="soc-worker", level="debug"}} | threat_id="{analysis["id"]}"')
    for labels, line in lines:
        told = json.loads(line)
        assert (labels["component"], labels["level"], labels["threat_id"]) == (told["component"], told["level"], told["threat_id"])
        assert told["threat_id"] == analysis["id"]


def test_lines_that_docker_wrapped_are_the_programs_own(watched):
    """As the json-file driver writes them, with the tag that docker-compose.yml asks for."""
    trace_id = secrets.token_hex(16)
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    line = {"timestamp": f"{now}.123Z", "level": "warning", "message": "agent unavailable", "component": "soc-worker", "trace_id": trace_id}
    plain = "a line that is no JSON, as other programs write them"
    wrapped = [
        {"log": text + "\n", "stream": "stdout", "attrs": {"tag": f"stack-{trace_id}"}, "time": f"{now}.123456789Z"}
        for text in (json.dumps(line, separators=(",", ":")), plain)
    ]
    path = watched.fleet.folder / f"docker-{trace_id}.out"
    path.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in wrapped))

    ((labels, found),) = when_in_loki(watched, f'{{level="warning", component="soc-worker"}} | trace_id="{trace_id}"')
    assert json.loads(found) == line and labels["container"] == f"stack-{trace_id}"
    found = {found for _, found in when_in_loki(watched, f'{{container="stack-{trace_id}"}} !~ "^.{{\\"timestamp"')}
    assert plain in found


def test_ids_open_no_streams(watched):
    completed(watched.fleet.api, customer_id=fresh_customer())
    when_in_loki(watched, '{job="soc", component="soc-api"}')
    answer = watched.loki.get("LOKI_PORT", "/loki/api/v1/labels")
    assert set(answer.json()["data"]) <= {"job", "component", "level", "container", "service_name"}


def test_prometheus_scrapes_every_target(watched):
    def up():
        targets = watched.prometheus.get("PORT", "/api/v1/targets").json()["data"]["activeTargets"]
        return targets if all(target["health"] == "up" for target in targets) else None

    targets = wait_until(up, SEEN_LIMIT_S, "every target is up")
    jobs = [target["labels"]["job"] for target in targets]
    assert jobs.count("soc-api") == 2 and jobs.count("soc-worker") == 2
    assert set(jobs) == {"soc-api", "soc-worker", "otel-collector", "jaeger", "loki", "promtail", "alertmanager", "prometheus"}
    managers = watched.prometheus.get("PORT", "/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
    assert len(managers) == 1
