"""What must be true of the running stack. Each check takes the stack and says what it saw."""

import json
import urllib.parse

from composing.stack import wait_until

SEEN_LIMIT_S = 180
SCALE_LIMIT_S = 180
SIGNAL = {
    "threat_type": "credential_stuffing",
    "customer_id": "compose",
    "customer_name": "Compose Test",
    "source_ip": "45.90.1.7",
    "user_agent": "python-requests/2.31.0",
    "request_count": 9000,
    "time_window_minutes": 15,
}
WITHOUT_METRICS = {"redis", "grafana"}


def post_threat(stack):
    analysis = wait_until(lambda: stack.ask(stack.api_ports[0], "/api/threats", SIGNAL, Prefer="wait=20"), 30, "the first API answers")
    assert analysis["status"] == "completed", analysis
    return analysis


def a_threat_goes_through(stack):
    analysis = post_threat(stack)
    other = stack.ask(stack.api_ports[1], f"/api/threats/{analysis['id']}")
    assert other and other["id"] == analysis["id"], other
    return f"{analysis['severity']} in {analysis['total_processing_time_ms']:.2f} ms, the same on both APIs"


def programs_are_confined(stack):
    for service in ("api", "worker"):
        for container in stack.containers(service):
            told = stack.compose("exec", "-T", "--index", container["Config"]["Labels"]["com.docker.compose.container-number"],
                                 service, "cat", "/proc/1/status")
            first = {line.split(":")[0]: line.split(":")[1].split() for line in told.splitlines()}
            assert first["Name"] == [f"soc-{service}"] and set(first["Uid"]) == {"65532"}, told
            assert int(first["CapEff"][0], 16) == 0 and first["NoNewPrivs"] == ["1"], told
            assert container["HostConfig"]["ReadonlyRootfs"]
    return "PID 1, user 65532, no capability, read-only root"


def consumers_under_load(stack):
    """A worker is in the group once it got something: waiting ones are served in turn."""
    for _ in range(4):
        post_threat(stack)
    return stack.consumers()


def two_workers_are_in_the_group(stack):
    wait_until(lambda: consumers_under_load(stack) == 2, SCALE_LIMIT_S, "two consumers")
    return "2 consumers"


def workers_scale_to_four(stack):
    stack.up("--no-recreate", "--scale", "worker=4")
    wait_until(lambda: consumers_under_load(stack) == 4, SCALE_LIMIT_S, "four consumers")
    return "4 consumers"


def prometheus_finds_every_replica(stack):
    def targets():
        answer = stack.ask(stack.ports["PROMETHEUS_PORT"], "/api/v1/targets")
        return {} if answer is None else {target["scrapeUrl"]: target for target in answer["data"]["activeTargets"]}

    def settled():
        jobs = [target["labels"]["job"] for target in targets().values() if target["health"] == "up"]
        others = set(stack.services) - {"api", "worker"} - WITHOUT_METRICS
        return jobs.count("soc-api") == 2 and jobs.count("soc-worker") == 4 and others <= set(jobs) and jobs

    return f"{len(wait_until(settled, SEEN_LIMIT_S, 'every target is up'))} targets up"


def logs_reach_loki(stack):
    query = '{component="soc-worker"} |= "started"'
    path = "/loki/api/v1/query_range?" + urllib.parse.urlencode({"query": query, "since": "1h", "limit": 100})

    def containers():
        answer = stack.ask(stack.ports["LOKI_PORT"], path)
        rows = answer["data"]["result"] if answer else []
        return {row["stream"]["container"] for row in rows if all(json.loads(line)["component"] == "soc-worker" for _, line in row["values"])}

    names = wait_until(lambda: len(containers()) == 4 and containers(), SEEN_LIMIT_S, "the lines of four workers are in Loki")
    return ", ".join(sorted(names))


def traces_reach_jaeger(stack):
    """Of the programs, when they export them."""
    if "OTEL_EXPORTER_OTLP_ENDPOINT" not in stack.compose("exec", "-T", "api", "/usr/local/bin/soc-api", "--help"):
        return "not looked at: these programs export none"
    analysis = post_threat(stack)
    tags = urllib.parse.urlencode({"service": "soc-worker", "tags": json.dumps({"threat.id": analysis["id"]})})

    def spans():
        answer = stack.ask(stack.ports["JAEGER_PORT"], f"/api/traces?{tags}")
        names = {span["operationName"] for trace in (answer or {}).get("data") or [] for span in trace["spans"]}
        return "analyze_threat" in names and names

    return f"{len(wait_until(spans, SEEN_LIMIT_S, 'the trace is in Jaeger'))} kinds of spans"


def programs_end_well(stack):
    stack.compose("stop")
    codes = {container["Name"].lstrip("/"): container["State"]["ExitCode"] for service in ("api", "worker") for container in stack.containers(service)}
    assert len(codes) == 6 and set(codes.values()) == {0}, codes
    return f"{len(codes)} programs exited 0"


ALL = (
    a_threat_goes_through,
    two_workers_are_in_the_group,
    programs_are_confined,
    workers_scale_to_four,
    prometheus_finds_every_replica,
    logs_reach_loki,
    traces_reach_jaeger,
    programs_end_well,
)
