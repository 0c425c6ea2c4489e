"""Customers, infra events and threat intelligence, filled in as redis-cli would: running workers use them
within a second, and the agents say so."""

import datetime
import json
import time

import pytest

from fleet import Fleet
from intel_steps import post_list, remove_list, taken
from processes import TIME_SCALE, wait_until
from sample_signals import signal

WITHIN_S = 1.0 * TIME_SCALE
SLACK_S = 0.5 * TIME_SCALE  # one more question and answer on a busy machine


@pytest.fixture(scope="module")
def own():
    """A fleet of its own: context concerns everybody."""
    with Fleet(apis=1, workers=2) as running:
        yield running


def iso(minutes):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def analyse(fleet, **changes):
    answer = fleet.api.post_signal(signal(**changes), Prefer="wait=20")
    assert answer.status_code == 200, answer.text
    return answer.json()


def announce(fleet, kind, id_=""):
    fleet.store.xadd("context:log", {"kind": kind, "id": id_})


def when_reflected(fleet, says, **changes):
    """Analyses the signal until `says` holds, in time, and then for good: every worker has heard of it."""
    started = time.monotonic()
    analysis = wait_until(lambda: says(row := analyse(fleet, **changes)) and row, WITHIN_S + SLACK_S, "the change is reflected")
    wait_until(lambda: time.monotonic() - started > WITHIN_S, WITHIN_S + SLACK_S, "the second is over")
    for _ in range(6):
        assert says(analyse(fleet, **changes))
    return analysis


def said(analysis, agent):
    report = analysis["agent_analyses"][agent]
    return " ".join([report["analysis"], *report.get("key_findings", []), *report.get("recommendations", [])]).lower()


def test_without_records_agents_say_that_they_know_nothing(own):
    analysis = analyse(own, customer_id="nobody-knows")
    assert all(report["available"] for report in analysis["agent_analyses"].values())
    assert analysis["response_plan"]["sla_minutes"] == {"critical": 15, "high": 60, "medium": 240, "low": 1440}[analysis["severity"]]


def test_a_customer_record_is_used(own):
    before = analyse(own, customer_id="enterprise-1", request_count=5000, time_window_minutes=5)
    own.store.hset(
        "customer:enterprise-1",
        mapping={
            "name": "Enterprise One",
            "tier": "enterprise",
            "requests_per_minute": "100",
            "auto_block": "1",
            "contacts:soc-tier-1": "duty@enterprise.example ciso@enterprise.example",
        },
    )
    announce(own, "customer", "enterprise-1")
    after = when_reflected(
        own,
        lambda row: row["facts"]["customer"]["tier"] == "enterprise",
        customer_id="enterprise-1",
        request_count=5000,
        time_window_minutes=5,
    )
    assert said(after, "config") != said(before, "config")
    assert "100" in said(after, "config"), "the limit is named"
    assert "soc-tier-1: duty@enterprise.example ciso@enterprise.example" in after["response_plan"]["escalation_path"]
    assert after["response_plan"]["sla_minutes"] == {"critical": 7, "high": 30, "medium": 120, "low": 720}[after["severity"]] or (
        after["severity"] == "critical" and after["response_plan"]["sla_minutes"] == 8
    )


def test_an_allowlisted_address_is_never_blocked(own):
    own.store.hset("customer:lists", mapping={"tier": "premium", "auto_block": "1", "allowlist": "203.0.114.0/24 2001:4860::/32"})
    announce(own, "customer", "lists")
    fields = {"customer_id": "lists", "source_ip": "203.0.114.9", "threat_type": "brute_force", "request_count": 90_000}
    listed = when_reflected(own, lambda row: "203.0.114.0/24" in said(row, "config"), **fields)
    plan = listed["response_plan"]
    actions = [plan["primary_action"], *plan.get("secondary_actions", [])]
    assert not [action for action in actions if action["action_type"] in ("block_ip", "quarantine") and action["target"] == "203.0.114.9"]


def test_a_changed_and_a_removed_customer_record_are_heard_of(own):
    fields = {"customer_id": "changing"}
    own.store.hset("customer:changing", mapping={"tier": "premium"})
    announce(own, "customer", "changing")
    when_reflected(own, lambda row: "premium" in said(row, "config"), **fields)
    own.store.hset("customer:changing", mapping={"tier": "enterprise"})
    announce(own, "customer", "changing")
    when_reflected(own, lambda row: "enterprise" in said(row, "config"), **fields)
    own.store.delete("customer:changing")
    announce(own, "customer", "changing")
    when_reflected(own, lambda row: "enterprise" not in said(row, "config"), **fields)


def test_a_deployment_explains_traffic(own):
    event = {"kind": "deployment", "title": "Checkout release 4.2", "starts_at": iso(-20), "ends_at": iso(-5), "customer_id": "shipping"}
    own.store.hset("infra:events", "event-1", json.dumps(event))
    announce(own, "infra", "event-1")
    after = when_reflected(own, lambda row: "checkout release 4.2" in said(row, "devops"), customer_id="shipping")
    assert "checkout release 4.2" not in said(analyse(own, customer_id="someone-else"), "devops")
    assert "event-1" in json.dumps(after["facts"]) or "Checkout release 4.2" in json.dumps(after["facts"])


def test_an_event_of_all_customers_and_one_too_long_ago(own):
    events = {
        "event-2": {"kind": "load_test", "title": "Yearly load test", "starts_at": iso(-10), "ends_at": iso(30)},
        "event-3": {"kind": "outage", "title": "Old outage", "starts_at": iso(-300), "ends_at": iso(-200)},
    }
    own.store.hset("infra:events", mapping={name: json.dumps(event) for name, event in events.items()})
    announce(own, "infra", "event-3")
    after = when_reflected(own, lambda row: "yearly load test" in said(row, "devops"), customer_id="anybody")
    assert "old outage" not in said(after, "devops")


def intel(fleet, name, category, entries, **more):
    fleet.store.hset("intel:lists", name, json.dumps({"category": category, "source": f"{name}.example", "as_of": "2026-11-01", "score": 90, **more}))
    fleet.store.hset(f"intel:list:{name}", mapping=entries)
    announce(fleet, "intel", name)


def test_a_blocklisted_address_is_named_with_its_list(own):
    fields = {"customer_id": "intel-1", "source_ip": "45.90.1.7"}
    before = analyse(own, **fields)
    intel(own, "bad-hosts", "blocklist", {"45.90.1.0/24": "", "45.90.1.7": "95"})
    after = when_reflected(own, lambda row: "bad-hosts" in said(row, "context"), **fields)
    assert after["false_positive_score"]["score"] < before["false_positive_score"]["score"]
    assert "bad-hosts" not in said(analyse(own, customer_id="intel-1", source_ip="45.90.2.7"), "context")


GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def test_a_crawler_is_believed_from_its_own_ranges_only(own):
    fields = {"customer_id": "crawled", "user_agent": GOOGLEBOT, "request_count": 40}
    intel(own, "googlebot-ranges", "crawler", {"66.249.64.0/19": "", "2001:4860:4801::/48": ""}, crawler="Googlebot")
    true = when_reflected(own, lambda row: "googlebot-ranges" in json.dumps(row["facts"]), source_ip="66.249.66.1", **fields)
    false = analyse(own, source_ip="45.95.4.4", **fields)

    def impact(row):
        return sum(part["impact"] for part in row["false_positive_score"].get("indicators", []) if part["category"] == "user_agent")

    assert impact(true) > 0 > impact(false)
    assert true["false_positive_score"]["score"] > false["false_positive_score"]["score"]
    assert "googlebot" in said(true, "context") and "googlebot" in said(false, "context")
    asked = {"name": "Googlebot", "kind": "search_engine", "list": "googlebot-ranges", "as_of": "2026-11-01"}
    assert true["facts"]["crawler"] == {"verdict": "verified", **asked}
    assert false["facts"]["crawler"] == {"verdict": "pretended", **asked}


def test_a_tool_or_a_crawler_without_ranges_is_told_with_its_kind(own):
    for user_agent, name, kind in (
        ("python-requests/2.31.0", "python-requests", "http_library"),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", "Baiduspider", "search_engine"),
    ):
        told = analyse(own, customer_id="tools", user_agent=user_agent)["facts"]["crawler"]
        assert told == {"verdict": "cannot_tell", "name": name, "kind": kind}
    assert "crawler" not in analyse(own, customer_id="tools", user_agent="Mozilla/5.0 (X11; Linux x86_64)")["facts"]


def test_a_small_list_beside_a_large_one_is_used_within_a_second(own):
    """Only what changed is read again, whatever else is loaded; the rest stays as it was."""
    large = "".join(f"100.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(150_000))
    taken(post_list(own.api, large, list="large", category="hosting"))
    wait_until(lambda: analyse(own, source_ip="100.1.2.3")["facts"].get("intel"), 20, "the large list is there")
    wait_until(lambda: all(w.metric("soc_context_records", kind="intel_entries") >= 150_000 for w in own.workers), 20, "everywhere")
    reads = own.store.info("commandstats")["cmdstat_hscan"]["calls"]
    for name, address in (("small", "45.99.1.1"), ("smaller", "45.99.1.2")):
        taken(post_list(own.api, address, list=name, category="blocklist"))
        row = when_reflected(own, lambda row: "intel" in row["facts"], source_ip=address)
        assert row["facts"]["intel"][0]["list"] == name
    assert own.store.info("commandstats")["cmdstat_hscan"]["calls"] - reads <= 2 * 2 * len(own.workers), "the large list was read again"
    assert analyse(own, source_ip="100.1.2.3")["facts"]["intel"][0]["list"] == "large"
    remove_list(own.api, "small")
    when_reflected(own, lambda row: "intel" not in row["facts"], source_ip="45.99.1.1")
    assert analyse(own, source_ip="100.1.2.3")["facts"]["intel"][0]["list"] == "large"
    remove_list(own.api, "large")
    when_reflected(own, lambda row: "intel" not in row["facts"], source_ip="100.1.2.3")


def test_everything_can_be_announced_at_once(own):
    own.store.hset("customer:all-at-once", mapping={"tier": "enterprise"})
    announce(own, "all")
    when_reflected(own, lambda row: "enterprise" in said(row, "config"), customer_id="all-at-once")


def test_broken_records_are_left_out_and_told(own):
    own.store.hset("customer:broken", mapping={"tier": "golden", "requests_per_minute": "many", "allowlist": "nowhere/99"})
    own.store.hset("infra:events", "broken", "{not json")
    announce(own, "all")
    wait_until(lambda: any("broken" in json.dumps(row) for row in own.workers[0].logged()), 10, "the complaint is logged")
    assert analyse(own, customer_id="broken")["agent_analyses"]["config"]["available"]


def test_a_worker_that_starts_later_knows_the_context(own):
    own.store.hset("customer:early", mapping={"tier": "premium"})
    announce(own, "customer", "early")
    with_new = own.add_worker().wait_ready()
    assert with_new.metric("soc_context_records", kind="customers") >= 1


def lately_loaded(worker):
    return [row["customers"] for row in worker.logged() if row["message"] == "context loaded"]


def test_customers_are_found_by_their_index_and_not_among_all_keys(own):
    """However many threats are kept, a worker's start does not walk over them; who never knew an index makes one."""
    own.store.delete("customers")
    own.store.hset("customer:unindexed", mapping={"tier": "premium"})
    first = own.add_worker().wait_ready()
    known = {key.split(":", 1)[1] for key in own.store.scan_iter("customer:*")}
    assert lately_loaded(first) == [len(known)]
    assert own.store.smembers("customers") == known | {""}
    own.store.config_resetstat()
    second = own.add_worker().wait_ready()
    assert lately_loaded(second) == [len(known)]
    assert own.store.info("commandstats")["cmdstat_sscan"]["calls"] >= 1


def test_records_that_nobody_named_are_found_when_all_is_said(own):
    own.store.hset("customer:unnamed", mapping={"tier": "premium"})
    announce(own, "all")
    when_reflected(own, lambda row: "premium" in said(row, "config"), customer_id="unnamed")
    assert own.store.sismember("customers", "unnamed")
    own.store.delete("customer:unnamed")
    announce(own, "customer", "unnamed")
    wait_until(lambda: not own.store.sismember("customers", "unnamed"), 10, "it is no customer any more")


def test_history_follows_a_customer_and_an_address(own):
    fields = {"customer_id": "regular", "source_ip": "45.97.1.1", "threat_type": "credential_stuffing"}
    first = analyse(own, **fields)
    for _ in range(3):
        last = analyse(own, **fields)
    assert said(first, "historical") != said(last, "historical")
    assert last["facts"] != first["facts"]
