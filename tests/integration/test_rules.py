"""Alert and recording rules, dashboards and the page for the engineer on call, held against a real Prometheus and
Alertmanager that watch a real fleet under load."""

import contextlib
import math
import re
import subprocess
import threading
import time

import pytest
import requests
import yaml

import dashboards
from fleet import Fleet
from live_client import LiveClient
from monitoring import RULES, Alertmanager, Prometheus, Webhook, tool
from processes import REPOSITORY, wait_until
from sample_signals import signal, varied

pytestmark = pytest.mark.plain

CASES = sorted((REPOSITORY / "tests/rules").glob("*.yaml"))
ON_CALL = REPOSITORY / "helm/soc-agent/ON-CALL.md"
LOAD_S = 12  # so many seconds of scrapes before anything is asked

# What a healthy fleet has no series of, and why.
RIGHTLY_EMPTY = {
    'http_requests_total{status_class="5xx", route!~"GET /(health|ready|metrics)"}': "nothing fails",
}


def rules(kind):
    groups = [group for path in RULES.glob("*.yaml") for group in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def alerts():
    return {rule["alert"]: rule for rule in rules("alert")}


def promtool(*words, **options):
    done = subprocess.run([tool("promtool"), *map(str, words)], capture_output=True, text=True, timeout=240, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- by themselves


def test_promtool_takes_the_rules():
    assert f"{len(rules('alert'))} rules found" in promtool("check", "rules", RULES / "alerts.yaml")
    assert f"{len(rules('record'))} rules found" in promtool("check", "rules", RULES / "recording.yaml")


def test_the_cases_of_the_rules_hold():
    assert promtool("test", "rules", *CASES).count("SUCCESS") == len(CASES) > 2


def expectations(case):
    """Of all expressions that ask for the alert that the case is named after: does it expect it to fire?"""
    name = case["name"].split(" ")[0]
    for row in case["promql_expr_test"]:
        if f'alertname="{name}"' in row["expr"]:
            yield bool(row["exp_samples"])


def test_every_alert_has_a_case_that_fires_and_one_that_does_not():
    cases = [case for path in CASES for case in yaml.safe_load(path.read_text())["tests"]]
    for name in alerts():
        firing = [case for case in cases if case["name"].startswith(f"{name} fires")]
        quiet = [case for case in cases if case["name"].startswith(f"{name} is quiet")]
        assert firing and all(any(expectations(case)) for case in firing), f"no case in which {name} fires"
        assert quiet and all(not any(expectations(case)) and list(expectations(case)) for case in quiet), f"no case in which {name} is quiet"


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    headings = re.findall(r"^### (\w+)$", ON_CALL.read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(alerts()), "one section for each alert"
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}
        assert rule["annotations"]["runbook"] == f"helm/soc-agent/ON-CALL.md#{name.lower()}"


# Of the architecture document.
ARCHITECTURE_NAMES = {"soc_threats_total", "soc_threats_by_severity", "soc_threats_by_type"} | {
    f"soc_{what}_duration_seconds_{part}" for what in ("analysis", "agent_execution") for part in ("bucket", "sum", "count")
}


def test_the_architecture_documents_names_are_recorded():
    assert ARCHITECTURE_NAMES <= {rule["record"] for rule in rules("record")}


# --- dashboards by themselves


PLANNED = {
    "system-health": ["Request rate", "Request latency", "Error rate", "Active WebSocket connections", "Threats processed per minute"],
    "agent-performance": [
        *("Latency of $agent", "Agent latency p95", "End-to-end processing time", "Phase duration breakdown"),
        *("Confidence of $agent", "Parallel execution waterfall of $trace_id"),
    ],
    "business-metrics": [
        *("Threats by severity", "False-positive scores", "Human review rate", "Threats by type", "Threats a minute by severity"),
        *("Likely false over time", "Response actions"),
    ],
    "backlog": [
        *("Outstanding, lag and pending", "Can the figures be believed?", "Age of the oldest", "Workers: running, in the group, needed"),
        *("Redeliveries by reason", "Dead letters", "Fenced and finished before", "Time until it is gone"),
    ],
}


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_a_dashboard_has_what_is_planned(name):
    dashboard = dashboards.load(name)
    assert dashboard["uid"] == f"soc-{name}" and dashboard["refresh"] == "5s"
    assert set(PLANNED[name]) <= {panel["title"] for panel in dashboards.panels(dashboard)}
    assert any(row["name"] == "Deployments" and row["enable"] for row in dashboard["annotations"]["list"])


def covered(panel):
    at = panel["gridPos"]
    assert at["x"] + at["w"] <= 24
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_panels_have_ids_and_places_of_their_own(name):
    dashboard = dashboards.load(name)
    taken = set()
    for panel in dashboard["panels"]:
        assert not taken & covered(panel), panel["title"]
        taken |= covered(panel)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    for panel in dashboards.panels(dashboard):
        refs = [target["refId"] for target in panel["targets"]]
        assert panel["description"] and refs and len(refs) == len(set(refs)), panel["title"]


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_datasources_are_variables(name):
    dashboard = dashboards.load(name)
    known = {f"${{{row['name']}}}": row["query"] for row in dashboard["templating"]["list"] if row["type"] == "datasource"}
    assert known == {"${DS_PROMETHEUS}": "prometheus", "${DS_LOKI}": "loki", "${DS_JAEGER}": "jaeger"}
    for panel in dashboards.panels(dashboard):
        for target in panel["targets"]:
            source = target["datasource"]
            assert known[source["uid"]] == source["type"], panel["title"]
            assert known[panel["datasource"]["uid"]] == panel["datasource"]["type"]


def links_of(panel):
    fields = panel["fieldConfig"]
    shared = fields["defaults"].get("links", [])
    return shared + [link for row in fields["overrides"] for part in row["properties"] if part["id"] == "links" for link in part["value"]]


def test_traces_and_logs_are_a_click_away():
    urls = [link["url"] for name in dashboards.NAMES for panel in dashboards.panels(dashboards.load(name)) for link in links_of(panel)]
    assert any("jaeger" in url and "${__value.raw}" in url for url in urls), "from a trace id to its trace"
    assert any("jaeger" in url and "minDuration" in url for url in urls), "from a latency to slow traces"
    assert any("loki" in url for url in urls), "from errors to the logs"


# --- with a real fleet, Prometheus and Alertmanager


class Watched:
    """A fleet under load, and those who watch it."""

    def __init__(self, fleet, folder):
        self.fleet, self.began, self.enough = fleet, time.time(), threading.Event()
        self.webhook = Webhook()
        self.alertmanager = Alertmanager(folder, self.webhook)
        self.prometheus = Prometheus(folder, {"soc-api": fleet.apis, "soc-worker": fleet.workers}, self.alertmanager)
        self.loading = threading.Thread(target=self.load)
        self.clients = [LiveClient(api) for api in fleet.apis]
        self.loading.start()

    def load(self):
        number = 0
        while not self.enough.wait(0.2):
            number += 1
            for api in self.fleet.apis:
                with contextlib.suppress(requests.ConnectionError):  # kept for too long on a busy machine: the next one does
                    api.post("/api/threats/batch", varied(20, f"load-{number}"))
                    api.post("/api/threats", signal(threat_type="nonsense"))
                    api.get("/api/threats?limit=5")

    def wait_for_the_alert(self):
        firing = lambda: self.prometheus.instant('ALERTS{alertname="SocDeadLettersGrowing", alertstate="firing"}')  # noqa: E731
        wait_until(firing, 40, "an alert fires")

    def wait_for_load(self):
        seen = lambda: (self.prometheus.value("min(count_over_time(soc_build_info[1m]))") or 0) >= LOAD_S  # noqa: E731
        wait_until(seen, 60, f"every program was scraped {LOAD_S} times")

    def set_aside_one(self):
        """What no worker can read becomes a dead letter."""
        known = lambda: self.prometheus.value("max_over_time(max(soc_entries_failed)[10m:5s])") == 0  # noqa: E731
        wait_until(known, 40, "the rule has seen that there is no dead letter")
        self.fleet.store.xadd("threats:stream", {"v": "1", "nonsense": "yes"})

    def had_data(self, expression):
        """At some time since the load began; a busy machine misses a scrape now and then."""
        rows = self.prometheus.over_time(expression, self.began, time.time())
        return any(not math.isnan(value) for _, values in rows for value in values)

    def stop(self):
        self.enough.set()
        self.loading.join()
        for client in self.clients:
            client.close()
        for server in (self.prometheus, self.alertmanager, self.webhook):
            server.stop()


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    redis = ("--maxmemory", "512mb", "--maxmemory-policy", "noeviction")
    with Fleet(apis=2, workers=2, redis_options=redis) as fleet:
        watched = Watched(fleet, tmp_path_factory.mktemp("monitoring"))
        try:
            watched.set_aside_one()
            watched.wait_for_load()
            watched.wait_for_the_alert()
            yield watched
        finally:
            watched.stop()


def test_promtool_takes_what_the_programs_say(watched):
    for program in watched.fleet.programs:
        text = program.get("/metrics").text
        assert promtool("check", "metrics", input=text) == "", program.name
        assert "soc_redis_up 1" in text


def test_an_alert_reaches_the_webhook(watched):
    named = lambda: [row for row in watched.webhook.alerts if row["labels"]["alertname"] == "SocDeadLettersGrowing"]  # noqa: E731
    alert = wait_until(named, 40, "Alertmanager calls the webhook")[0]
    assert alert["status"] == "firing" and alert["labels"]["severity"] == "warning"
    assert alert["annotations"]["runbook"].endswith("#socdeadlettersgrowing")
    assert "became dead letters" in alert["annotations"]["summary"]


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_every_query_of_a_dashboard_returns_data(watched, name):
    dashboard = dashboards.load(name)
    values = {}
    for variable, metric, label in dashboards.label_values(dashboard):
        values[variable] = watched.prometheus.ask(f"label/{label}/values", **{"match[]": metric})
        assert values[variable], variable
    queries = list(dashboards.metric_queries(dashboard, values))
    assert len(queries) > 10
    assert [(title, expression) for title, expression in queries if not watched.had_data(expression)] == []


def selectors(expression):
    """The series that an expression reads."""
    found = re.findall(r"\b((?:soc|http|process)[a-z0-9_:]*|up)\b(\{[^}]*\})?", expression)
    return {name + labels for name, labels in found}


def test_every_rule_is_evaluated_and_reads_data(watched):
    groups = watched.prometheus.ask("rules")["groups"]
    seen = [rule for group in groups for rule in group["rules"]]
    assert len(seen) == len(rules("alert")) + len(rules("record"))
    assert [(rule["name"], rule.get("lastError")) for rule in seen if rule["health"] != "ok"] == []
    assert [rule["record"] for rule in rules("record") if not watched.had_data(rule["record"])] == []
    read = set().union(*(selectors(rule["expr"]) for rule in rules("alert") + rules("record")))
    assert len(read) > 20
    assert {selector for selector in read if not watched.had_data(selector)} == set(RIGHTLY_EMPTY)


def test_the_commands_of_the_page_are_commands(watched):
    """Those that need nothing filled in and end by themselves."""
    text = ON_CALL.read_text()
    commands = re.findall(r"^redis-cli (.+)$", text, re.MULTILINE) + re.findall(r"`redis-cli ([^`]+)`", text)
    plain = {command for command in commands if not command.startswith("-") and "SIZE" not in command}
    assert len(plain) > 10
    for command in plain:
        words = ["redis-cli", "-e", "-s", watched.fleet.redis.socket_path, *command.split()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


def test_a_healthy_fleet_alerts_of_nothing_else(watched):
    firing = {labels["alertname"] for labels, _ in watched.prometheus.instant('ALERTS{alertname=~"Soc.*", alertstate="firing"}')}
    assert firing <= {"SocDeadLettersGrowing"}
