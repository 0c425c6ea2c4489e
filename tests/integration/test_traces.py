"""Traces: one for each threat, through both programs, as a collector gets it."""

import json
import os
import signal as signals
import threading
import time

import pytest

from collector import Collector
from fleet import Fleet
from live_client import LiveClient
from processes import STOP_LIMIT_S, wait_until
from sample_signals import signal, varied
from steps import completed, wait_told
from test_dead_letters import fail
from test_workers_die import freeze_with_entries, post_batch

AGENTS = [f"{name}_agent.analyze" for name in ("historical", "config", "devops", "context", "priority")]
ANALYZERS = ["fp_analyzer.analyze", "response_engine.generate_plan", "timeline_builder.build"]
CHILDREN = [*AGENTS, *ANALYZERS, "commit"]
OF_WORKER = ["queue_wait", "analyze_threat", *CHILDREN]
WITHOUT_PARENT = ["threat", *OF_WORKER]
TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MS = 1_000_000
NEVER_SLOW = 3_600_000
PATIENT = {"SOC_TRACE_SLOW_MS": NEVER_SLOW, "SOC_AGENT_DEADLINE_MS": 60_000}  # nothing is kept for being late


def traced_fleet(collector, ratio="1", **settings):
    return Fleet(
        **{"apis": 1, "workers": 1, **settings},
        OTEL_EXPORTER_OTLP_ENDPOINT=collector if isinstance(collector, str) else collector.url,
        OTEL_TRACES_SAMPLER_ARG=ratio,
    )


def end(fleet):
    """All of them, as an orchestrator does."""
    for program in fleet.programs:
        program.send(signals.SIGTERM)
    assert [program.process.wait(STOP_LIMIT_S) for program in fleet.programs] == [0] * len(fleet.programs)


def trace_of(id_):
    return id_.replace("-", "")


def by_name(spans):
    named = {span.name: span for span in spans}
    assert len(named) == len(spans), [span.name for span in spans]
    return named


def carried(fleet):
    """The traceparent of each entry that still waits."""
    return [fields.get("traceparent") for _, fields in fleet.store.xrange("threats:stream")]


@pytest.fixture(scope="module")
def everything():
    """A fleet that keeps every trace, its collector, and a client."""
    with Collector() as collector, traced_fleet(collector, LOG_LEVEL="debug", **PATIENT) as fleet, LiveClient(fleet.api) as client:
        yield fleet, collector, client


def test_one_trace_holds_a_threat_from_the_request_to_the_event(everything):
    fleet, collector, client = everything
    answer = fleet.api.post_signal(signal(customer_id="tracy"), Prefer="wait=20")
    assert answer.status_code == 200
    id_ = answer.json()["id"]
    client.wait_for("new_threat", where=lambda message: message["data"]["id"] == id_)
    spans = collector.wait_trace(trace_of(id_), len(OF_WORKER) + 3)
    named = by_name(spans)
    assert set(named) == {"POST /api/threats", "enqueue", "websocket_event", *OF_WORKER}
    request, enqueue, analyze = named["POST /api/threats"], named["enqueue"], named["analyze_threat"]
    assert request.parent is None and request.kind == "server" and request.service == "soc-api"
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/threats",
        "http.response.status_code": 200,
    }
    assert answer.headers["traceparent"] == f"00-{request.trace}-{request.id}-01"
    assert enqueue.parent == request.id and enqueue.kind == "producer"
    for name in ("queue_wait", "analyze_threat", "websocket_event"):
        assert named[name].parent == enqueue.id, name
    assert analyze.kind == "consumer" and analyze.service == "soc-worker"
    for name in CHILDREN:
        assert named[name].parent == analyze.id, name
        assert analyze.start <= named[name].start <= named[name].end <= analyze.end, name
    assert not any(span.failed or span.links for span in spans)


def test_the_times_are_those_of_the_analysis(everything):
    fleet, collector, _ = everything
    analysis = completed(fleet.api)
    spans = by_name(collector.wait_trace(trace_of(analysis["id"]), len(OF_WORKER) + 2))
    for name in AGENTS:
        said = analysis["agent_analyses"][name.split("_")[0]]["processing_time_ms"]
        assert spans[name].attributes["agent.processing_ms"] == pytest.approx(said, abs=0.001)
    starts, ends = [spans[name].start for name in AGENTS], [spans[name].end for name in AGENTS]
    assert max(starts) < min(ends), "all five at once: their reads are one"
    assert ends == sorted(ends), "and they are done one after the other"
    assert ends[-1] <= spans["fp_analyzer.analyze"].start
    for earlier, later in zip(ANALYZERS, [*ANALYZERS[1:], "commit"]):
        assert spans[earlier].end <= spans[later].start
    request = spans["POST /api/threats"]
    assert request.start - 2 * MS <= spans["queue_wait"].start <= spans["queue_wait"].end <= request.end
    assert spans["queue_wait"].end == spans["analyze_threat"].start


def test_what_analyze_threat_says(everything):
    fleet, collector, _ = everything
    analysis = completed(fleet.api, customer_id="tracy-says")
    (span,) = collector.wait_for("analyze_threat", customer_id="tracy-says")
    assert span.attributes == {
        "deliveries": 1,
        "threat.id": analysis["id"],
        "threat.type": analysis["signal"]["threat_type"],
        "threat.severity": analysis["severity"],
        "customer.id": "tracy-says",
        "fp.score": pytest.approx(analysis["false_positive_score"]["score"], abs=0.0005),
        "requires_review": analysis["requires_human_review"],
    }


def test_a_callers_trace_goes_on(everything):
    fleet, collector, _ = everything
    answer = fleet.api.post_signal(signal(), Prefer="wait=20", traceparent=f"00-{TRACE}-{CALLER}-01")
    spans = by_name(collector.wait_trace(TRACE, len(OF_WORKER) + 2))
    assert spans["POST /api/threats"].parent == CALLER
    assert spans["analyze_threat"].attributes["threat.id"] == answer.json()["id"]
    assert spans["analyze_threat"].parent == spans["enqueue"].id
    assert answer.headers["traceparent"] == f"00-{TRACE}-{spans['POST /api/threats'].id}-01"


def test_who_does_not_want_a_trace_gets_none(everything):
    fleet, collector, _ = everything
    trace = TRACE.replace("4bf9", "aaaa")
    answer = fleet.api.post_signal(signal(customer_id="quiet"), Prefer="wait=20", traceparent=f"00-{trace}-{CALLER}-00")
    assert answer.status_code == 200 and answer.headers["traceparent"].startswith(f"00-{trace}-")
    assert answer.headers["traceparent"].endswith("-00")
    completed(fleet.api, customer_id="behind-it")
    collector.wait_for("analyze_threat", customer_id="behind-it")
    assert collector.of_trace(trace) == []


@pytest.mark.parametrize("value", ["", "00-x", f"ff-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-01-more", f"00-{'0' * 32}-{CALLER}-01"])
def test_a_broken_traceparent_counts_as_none(everything, value):
    fleet, collector, _ = everything
    id_ = fleet.api.post_signal(signal(), Prefer="wait=20", traceparent=value).json()["id"]
    assert by_name(collector.wait_trace(trace_of(id_), len(OF_WORKER) + 2))["POST /api/threats"].parent is None


def test_each_threat_of_a_batch_has_its_trace_and_names_the_request(everything):
    fleet, collector, _ = everything
    ids = post_batch(fleet.api, varied(20))
    for id_ in ids:
        spans = by_name([span for span in collector.wait_trace(trace_of(id_), len(OF_WORKER) + 2)])
        (link,) = spans["enqueue"].links
        assert spans["enqueue"].parent is None and spans["analyze_threat"].parent == spans["enqueue"].id
        assert [span.name for span in collector.of_trace(link[0]) if span.id == link[1]] == ["POST /api/threats/batch"]


def test_a_batch_with_a_trace_is_one_trace(everything):
    fleet, collector, _ = everything
    trace = TRACE.replace("4bf9", "bbbb")
    answer = fleet.api.post("/api/threats/batch", varied(5), headers={"traceparent": f"00-{trace}-{CALLER}-01"})
    assert answer.status_code == 202
    spans = collector.wait_trace(trace, 1 + 5 * (len(OF_WORKER) + 2))
    (request,) = [span for span in spans if span.name == "POST /api/threats/batch"]
    enqueued = [span for span in spans if span.name == "enqueue"]
    assert {span.parent for span in enqueued} == {request.id}
    analyzed = {span.attributes["threat.id"]: span.parent for span in spans if span.name == "analyze_threat"}
    assert analyzed == {span.attributes["threat.id"]: span.id for span in enqueued}


def test_lines_of_the_log_name_the_span(everything):
    fleet, collector, _ = everything
    analysis = completed(fleet.api)
    (span,) = collector.wait_for("analyze_threat", threat_id=analysis["id"])
    (line,) = [line for line in fleet.workers[0].logged() if line.get("threat_id") == analysis["id"]]
    assert (line["trace_id"], line["span_id"]) == (span.trace, span.id)
    assert line["trace_id"] == trace_of(analysis["id"])


def test_probes_are_not_traced(everything):
    fleet, collector, _ = everything
    for path in ("/health", "/ready", "/metrics"):
        assert "traceparent" not in fleet.api.get(path).headers
    assert "traceparent" in fleet.api.get("/api/stats").headers
    collector.wait_for("GET /api/stats")
    assert not [span for span in collector.spans() if span.attributes.get("http.route") in ("/health", "/ready", "/metrics")]


def reads_during(store, act):
    """The HMGETs of whatever act() brings about."""
    with store.monitor() as monitor:
        act()
        store.echo("that was it")
        commands = list(iter(lambda: monitor.next_command()["command"], "ECHO that was it"))
    return [command for command in commands if command.startswith("HMGET threat:")]


def test_only_an_event_asks_for_the_trace(everything):
    fleet, _, client = everything
    id_ = completed(fleet.api)["id"]
    listed = reads_during(fleet.store, lambda: [fleet.api.get(path) for path in ("/api/threats", f"/api/threats/{id_}")])
    assert listed and not any("trace" in command.split() for command in listed)
    told = reads_during(fleet.store, lambda: wait_told(client, "new_threat", completed(fleet.api)["id"]))
    assert told and all("trace" in command.split() for command in told)


def test_every_span_is_counted(everything):
    fleet, collector, _ = everything
    for program in fleet.programs:
        service = program.binary.name
        wait_until(
            lambda: program.metric("soc_spans_exported_total") == len([span for span in collector.spans() if span.service == service]),
            10,
            "the count is right",
        )
        for reason in ("queue_full", "excess", "rejected", "unavailable", "shutdown"):
            assert program.metric("soc_spans_dropped_total", reason=reason) == 0


# --- what is kept ---


def test_a_share_is_kept_and_both_programs_agree_on_it():
    with Collector() as collector, traced_fleet(collector, ratio="0.25", **PATIENT) as fleet:
        ids = post_batch(fleet.api, varied(600))
        fleet.wait_completed(len(ids))
        end(fleet)
        enqueued = {span.trace for span in collector.spans("enqueue")}
        analyzed = {span.trace for span in collector.spans("analyze_threat")}
        assert enqueued == analyzed and enqueued <= {trace_of(id_) for id_ in ids}
        assert 90 <= len(enqueued) <= 210
        for trace in enqueued:
            assert len(collector.of_trace(trace)) == len(OF_WORKER) + 1


def test_nothing_is_carried_for_what_is_not_kept():
    with Collector() as collector, traced_fleet(collector, ratio="0", workers=0) as fleet:
        assert fleet.api.post_signal(signal()).status_code == 202
        assert carried(fleet) == [None]
        id_ = fleet.api.post_signal(signal(), traceparent=f"00-{TRACE}-{CALLER}-00").json()["id"]
        assert carried(fleet)[1][:36] + carried(fleet)[1][-2:] == f"00-{TRACE}-00"
        assert fleet.store.hget(f"threat:{id_}", "trace") is None


def test_a_slow_threat_is_kept_although_nobody_chose_it():
    with Collector() as collector, traced_fleet(collector, ratio="0", workers=0, SOC_TRACE_SLOW_MS=100) as fleet:
        id_ = fleet.api.post_signal(signal()).json()["id"]
        posted = time.monotonic()
        wait_until(lambda: time.monotonic() - posted > 0.15, 5, "it has waited long enough")
        fleet.add_worker().wait_ready()
        spans = by_name(collector.wait_trace(trace_of(id_), len(WITHOUT_PARENT)))
        assert set(spans) == set(WITHOUT_PARENT)
        root = spans["threat"]
        assert root.parent is None
        assert spans["queue_wait"].parent == spans["analyze_threat"].parent == root.id
        assert spans["queue_wait"].end - spans["queue_wait"].start >= 100 * MS
        assert root.start <= spans["queue_wait"].start and root.end >= spans["commit"].end


def test_what_fails_is_kept_although_nobody_chose_it():
    with Collector() as collector, traced_fleet(collector, ratio="0", **PATIENT) as fleet:
        id_ = completed(fleet.api)["id"]
        fleet.store.xadd("threats:stream", {"v": 1, "id": id_, "received_at": 1, "signal": "{", "traceparent": f"00-{TRACE}-{CALLER}-00"})
        (span,) = collector.wait_for("analyze_threat")
        assert span.failed and span.status["message"] == "bad_json"
        assert (span.trace, span.parent) == (TRACE, CALLER)
        (line,) = [line for line in fleet.workers[0].logged() if line["message"] == "entry moved to the dead letters"]
        assert (line["trace_id"], line["span_id"]) == (TRACE, span.id)
        fleet.store.config_set("maxmemory", 1)
        wait_until(lambda: fleet.api.post_signal(signal()).status_code == 503, 10, "signals are refused")
        (refused,) = collector.wait_for("POST /api/threats")[:1]
        assert refused.failed and refused.attributes["http.response.status_code"] == 503
        fleet.store.config_set("maxmemory", 0)
        assert len(collector.spans("analyze_threat")) == 1, "the good one is not kept"


def keep_busy(store, stop):
    """Redis answers nobody for some 20 ms, again and again."""
    while not stop.is_set():
        store.eval("local sum = 0 for i = 1, 3000000 do sum = sum + i end return sum", 0)


def test_a_threat_without_an_agent_is_kept_and_says_which():
    stop = threading.Event()
    with Collector() as collector, traced_fleet(collector, ratio="0", SOC_AGENT_DEADLINE_MS=1, SOC_TRACE_SLOW_MS=NEVER_SLOW) as fleet:
        completed(fleet.api)
        busy = threading.Thread(target=keep_busy, args=(fleet.connect(), stop))
        busy.start()
        try:
            wait_until(lambda: fleet.api.post_signal(signal()) and collector.spans("historical_agent.analyze"), 20, "a history was late")
        finally:
            stop.set()
            busy.join()
        span = collector.spans("historical_agent.analyze")[0]
        assert span.failed and span.status["message"] == "unavailable"
        (line, *_) = [line for line in fleet.workers[0].logged() if line["message"] == "agent unavailable"]
        (analyze,) = [found for found in collector.of_trace(line["trace_id"]) if found.name == "analyze_threat"]
        assert (analyze.id, analyze.attributes["threat.id"]) == (line["span_id"], line["threat_id"])
        fleet.wait_idle()


# --- redelivery ---


def test_a_redelivery_names_the_delivery_before():
    """One worker is frozen and wakes up, one is killed; others take their entries over."""
    with Collector() as collector, traced_fleet(collector, ratio="0", workers=3, **PATIENT) as fleet:
        sleeper, victim = fleet.workers[:2]
        victim.send(signals.SIGSTOP)
        ids = freeze_with_entries(fleet, sleeper)
        victim.kill()
        fleet.wait_completed(len(ids), 20)
        again = collector.wait_for("analyze_threat", deliveries=2)
        assert all(len(span.links) == 1 and span.links[0][0] == span.trace for span in again)
        sleeper.send(signals.SIGCONT)
        late = collector.wait_for("analyze_threat", outcome="gone")
        assert {span.attributes["deliveries"] for span in late} == {1}

        def links():
            return {span.links[0]: span.attributes["threat.id"] for span in collector.spans("analyze_threat", deliveries=2)}

        wait_until(lambda: all((span.trace, span.id) in links() for span in late), 20, "all that were redelivered are told")
        linked = links()
        for span in late:
            assert linked[span.trace, span.id] == span.attributes["threat.id"], "the link is to the span that came late"
            assert not span.failed


@pytest.mark.parametrize("callers", [True, False])
def test_what_killed_its_workers_has_a_span_that_says_so(callers):
    with Collector() as collector, traced_fleet(collector, ratio="0", workers=0, SOC_HEARTBEAT_MS=50, SOC_SUSPECT_MS=200) as fleet:
        headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"} if callers else {}
        id_ = fleet.api.post_signal(signal(), **headers).json()["id"]
        (traceparent,) = carried(fleet)
        fail(fleet, id_)
        worker = fleet.add_worker()
        (span,) = collector.wait_for("bury_entry")
        assert span.failed and span.status["message"] == "poison"
        assert span.attributes == {"deliveries": 5, "threat.id": id_} and span.service == "soc-worker"
        assert span.trace == (TRACE if callers else trace_of(id_))
        assert span.parent == (traceparent.split("-")[2] if callers else None)
        ((trace, last),) = span.links
        assert trace == span.trace and last != span.id
        assert collector.spans("analyze_threat") == [] and fleet.api.get(f"/api/threats/{id_}").json()["status"] == "failed"
        assert worker.metric("soc_dead_letters_total") == 1


# --- the collector ---


def exported(program):
    return program.metric("soc_spans_exported_total")


def dropped(program, reason):
    return program.metric("soc_spans_dropped_total", reason=reason)


def test_a_collector_that_asks_for_patience_gets_all_in_the_end():
    with Collector(answers=[503, 429, (502, {}, b"<html>"), 504]) as collector, traced_fleet(collector) as fleet:
        id_ = completed(fleet.api)["id"]
        collector.wait_trace(trace_of(id_), len(OF_WORKER) + 2)
        assert [status for _, status in collector.requests][:4] == [503, 429, 502, 504]
        assert sum(dropped(program, reason) for program in fleet.programs for reason in ("unavailable", "rejected", "queue_full")) == 0


def test_retry_after_is_kept():
    with Collector(answers=[(503, {"Retry-After": "2"}, b"")]) as collector, traced_fleet(collector, apis=1, workers=0) as fleet:
        fleet.api.get("/api/stats")
        collector.wait_for("GET /api/stats")
        (first, _), (second, status) = collector.requests[:2]
        assert status == 200 and second - first >= 2


def test_a_collector_that_refuses_is_not_asked_again():
    with Collector(answers=[400]) as collector, traced_fleet(collector, workers=0) as fleet:
        fleet.api.get("/api/stats")
        wait_until(lambda: dropped(fleet.api, "rejected") == 1, 10, "the loss is counted")
        assert exported(fleet.api) == 0
        wait_until(lambda: any(line["message"] == "the collector takes no spans" for line in fleet.api.logged()), 5, "it is told")
        fleet.api.get("/api/backlog")
        collector.wait_for("GET /api/backlog")
        assert [status for _, status in collector.requests] == [400, 200]
        assert collector.spans("GET /api/stats") == []
        wait_until(
            lambda: any(line["message"] == "the collector takes spans again" for line in fleet.api.logged()), 5, "that is told too"
        )


def test_a_partial_success_is_counted_as_one():
    body = json.dumps({"partialSuccess": {"rejectedSpans": "1", "errorMessage": "no"}}).encode()
    with Collector(answers=[(200, {"Content-Type": "application/json"}, body)]) as collector, traced_fleet(collector, workers=0) as fleet:
        fleet.api.get("/api/stats")
        wait_until(lambda: dropped(fleet.api, "rejected") == 1, 10, "the loss is counted")
        assert exported(fleet.api) == 0


def test_a_dead_collector_costs_spans_and_nothing_else():
    with Collector() as collector:
        endpoint = collector.url
    with traced_fleet(endpoint) as fleet:
        for _ in range(5):
            ids = post_batch(fleet.api, varied(1000))
            assert ids
        fleet.wait_completed(5000)
        for program in fleet.programs:
            wait_until(lambda: dropped(program, "queue_full") > 0, 10, "losses are counted")
        end(fleet)


def rss_bytes(program):
    with open(f"/proc/{program.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.plain
def test_memory_stays_flat_when_the_collector_dies_under_load():
    with Collector() as collector, traced_fleet(collector) as fleet:
        done = 0

        def work(batches):
            nonlocal done
            for _ in range(batches):
                done += len(post_batch(fleet.api, varied(500)))
                fleet.wait_completed(done, 60)

        work(2)
        collector.wait_for("analyze_threat")
        collector.stop()
        wait_until(lambda: work(1) or dropped(fleet.workers[0], "queue_full") > 0, 60, "spans are lost")
        before = [rss_bytes(program) for program in fleet.programs]
        work(8)
        grown = [rss_bytes(program) - old for program, old in zip(fleet.programs, before)]
        assert max(grown) < 4 << 20, grown  # the API's ring may still have pages that were not touched
        assert all(program.status("/ready") == 200 for program in fleet.programs)


@pytest.mark.parametrize("slow_s", [1, 60])
def test_a_slow_collector_holds_up_neither_threats_nor_the_end(slow_s):
    with Collector(slow_s=slow_s) as collector, traced_fleet(collector) as fleet:
        post_batch(fleet.api, varied(1000))
        fleet.wait_completed(1000, 10)
        completed(fleet.api)
        wait_until(lambda: dropped(fleet.workers[0], "queue_full") > 0, 10, "losses are counted")
        began = time.monotonic()
        end(fleet)
        assert time.monotonic() - began < 5


def test_what_waits_at_the_end_is_still_sent():
    with Collector() as collector, traced_fleet(collector) as fleet:
        id_ = completed(fleet.api)["id"]
        end(fleet)
        assert len(collector.of_trace(trace_of(id_))) == len(OF_WORKER) + 2


# --- without a collector ---


def threads(program):
    return len(os.listdir(f"/proc/{program.pid}/task"))


def test_without_a_collector_nothing_runs_and_nothing_is_said():
    with Fleet(apis=1, workers=0) as fleet:
        assert "traceparent" not in fleet.api.post_signal(signal()).headers
        fleet.api.post_signal(signal(), traceparent=f"00-{TRACE}-{CALLER}-01")
        fleet.api.post_signal(signal(), traceparent="00-broken")
        assert carried(fleet) == [None, f"00-{TRACE}-{CALLER}-01", None], "a caller's is passed on as it is"
        fleet.add_worker().wait_ready()
        fleet.wait_completed(3)
        assert [threads(program) for program in fleet.programs] == [1, 1]
