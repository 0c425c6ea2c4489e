"""GET /api/threats: filters, search, pages; and the figures of stats, backlog and health."""

import re
import statistics
import time
import urllib.parse

import pytest

from contract import check
from fleet import Fleet
from processes import TIME_SCALE, wait_until
from sample_signals import TYPES, fresh_customer, signal, varied
from steps import completed, when_completed


# --- lists


@pytest.fixture(scope="module")
def shelf(fleet):
    """60 completed threats of one customer family, newest last."""
    family = fresh_customer("shelf")
    rows = []
    for i in range(60):
        rows.append(
            signal(
                threat_type=TYPES[i % 10],
                customer_id=f"{family}-{i % 3}",
                customer_name=f"Größe {family} number {i % 3}",
                source_ip=f"93.184.{i}.7" if i % 4 else f"2a02:26f0::{i + 1:x}",
                request_count=10 ** (i % 6),
            )
        )
    ids = fleet.api.post("/api/threats/batch", rows).json()["ids"]
    threats = [when_completed(fleet.api, id_) for id_ in ids]
    wanted = f"/api/threats?search={family}&status=completed"
    for api in fleet.apis:
        wait_until(lambda: len(api.get(wanted).json()) == 60, 10, "all are listed")
    return family, threats


def listed(api, family, **parameters):
    answer = api.get("/api/threats?" + urllib.parse.urlencode({"search": family, **parameters}))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_list_is_newest_first_and_carries_the_analyses(api, shelf):
    family, threats = shelf
    assert listed(api, family) == threats[::-1]


@pytest.mark.parametrize("severities", [["low"], ["medium"], ["high"], ["critical"], ["high", "critical"], ["low", "medium", "high"]])
def test_filter_by_severity(api, shelf, severities):
    family, threats = shelf
    expected = [row["id"] for row in threats[::-1] if row["severity"] in severities]
    assert [row["id"] for row in listed(api, family, severity=",".join(severities))] == expected


@pytest.mark.parametrize("types", [["bot_traffic"], ["geo_anomaly", "brute_force"], TYPES])
def test_filter_by_type(api, shelf, types):
    family, threats = shelf
    expected = [row["id"] for row in threats[::-1] if row["signal"]["threat_type"] in types]
    assert [row["id"] for row in listed(api, family, threat_type=",".join(types))] == expected


@pytest.mark.parametrize("status, count", [("completed", 60), ("pending", 0), ("completed,failed", 60), ("failed", 0), ("pending,analyzing", 0)])
def test_filter_by_status(api, shelf, status, count):
    assert len(listed(api, shelf[0], status=status)) == count


@pytest.mark.parametrize("wanted", [True, False])
def test_filter_by_review(api, shelf, wanted):
    family, threats = shelf
    expected = [row["id"] for row in threats[::-1] if row["requires_human_review"] == wanted]
    assert [row["id"] for row in listed(api, family, requires_review=str(wanted).lower())] == expected


def test_filter_by_customer(api, shelf):
    family, threats = shelf
    found = api.get(f"/api/threats?customer_id={family}-1").json()
    assert [row["id"] for row in found] == [row["id"] for row in threats[::-1] if row["signal"]["customer_id"] == f"{family}-1"]
    assert api.get(f"/api/threats?customer_id={family}").json() == [], "the whole id, not a part"


def test_filters_work_together(api, shelf):
    family, threats = shelf
    expected = [
        row["id"]
        for row in threats[::-1]
        if row["severity"] in ("high", "critical", "medium")
        and row["signal"]["threat_type"] in ("brute_force", "bot_traffic", "geo_anomaly")
        and row["signal"]["customer_id"] == f"{family}-0"
    ]
    found = listed(
        api, family, severity="high,critical,medium", threat_type="brute_force,bot_traffic,geo_anomaly", customer_id=f"{family}-0"
    )
    assert [row["id"] for row in found] == expected


@pytest.mark.parametrize(
    "words, matches",
    [
        ("{family}", lambda row: True),
        ("{FAMILY}", lambda row: True),
        ("{family}-2", lambda row: row["signal"]["customer_id"].endswith("-2")),
        ("{family} NUMBER 1", lambda row: row["signal"]["customer_name"].endswith(" 1")),
    ],
)
def test_search_in_the_customer(api, shelf, words, matches):
    family, threats = shelf
    words = words.format(family=family, FAMILY=family.upper())
    found = [row["id"] for row in listed(api, words, limit=1000)]
    expected = [row["id"] for row in threats[::-1] if matches(row)]
    if words.endswith("-2"):  # names hold blanks, ids dashes
        expected = [row["id"] for row in threats[::-1] if row["signal"]["customer_id"] == f"{family}-2"]
    assert found == expected


def test_search_in_the_address(api, shelf):
    _, threats = shelf
    expected = [row["id"] for row in threats[::-1] if row["signal"]["source_ip"].startswith("93.184.1")]
    assert [row["id"] for row in listed(api, "93.184.1")] == expected
    assert [row["id"] for row in listed(api, "2A02:26F0::9")] == [row["id"] for row in threats if row["signal"]["source_ip"] == "2a02:26f0::9"]


def test_search_in_the_type(api, shelf):
    found = listed(api, "PROXY_net", limit=1000)
    assert found and {row["signal"]["threat_type"] for row in found} == {"proxy_network"}


def test_since_and_until_bound_the_time_of_receipt(api, shelf):
    family, threats = shelf
    first, last = threats[0]["created_at"], threats[-1]["created_at"]
    assert len(listed(api, family, since=first)) == 60
    assert listed(api, family, until=first) == []
    everything = {row["id"] for row in threats}
    older = {row["id"] for row in threats if row["created_at"] < last}
    assert {row["id"] for row in listed(api, family, until=last)} == older
    assert {row["id"] for row in listed(api, family, since=last)} == everything - older
    assert listed(api, family, since="2100-01-01T00:00:00Z") == []


def pages(api, path):
    """Follows rel="next" to the end."""
    rows = []
    while path:
        answer = api.get(path)
        assert answer.status_code == 200, answer.text
        rows.append(answer.json())
        link = answer.headers.get("Link")
        path = re.fullmatch(r'<([^>]+)>; rel="next"', link)[1] if link else None
        if path and path.startswith("http"):
            path = path[len(api.url) :]
    return rows


@pytest.mark.parametrize("limit", [1, 7, 20, 59, 60, 61])
def test_pages_hold_everything_once(api, shelf, limit):
    family, threats = shelf
    found = pages(api, f"/api/threats?limit={limit}&search={family}&status=completed")
    assert all(len(page) == limit for page in found[:-1])
    assert [row["id"] for page in found for row in page] == [row["id"] for row in threats[::-1]]
    assert found[-1], "no empty last page"


def test_a_page_keeps_its_place_while_threats_arrive(api, shelf):
    family, threats = shelf
    first = api.get(f"/api/threats?limit=30&search={family}")
    completed(api, customer_id=f"{family}-0", customer_name=f"{family} late")
    path = re.fullmatch(r'<([^>]+)>; rel="next"', first.headers["Link"])[1]
    second = api.get(path).json()
    assert [row["id"] for row in second] == [row["id"] for row in threats[29::-1]]
    threats.append(api.get(f"/api/threats?limit=1&search={family}").json()[0])


def test_a_link_carries_filters_that_need_escaping(api, shelf):
    family, threats = shelf
    words = f"größe {family}"
    found = pages(api, "/api/threats?" + urllib.parse.urlencode({"search": words, "limit": 25}))
    assert sum(len(page) for page in found) in (60, 0), "case of letters outside ASCII is up to the program"
    found = pages(api, "/api/threats?" + urllib.parse.urlencode({"search": f"Größe {family}", "limit": 25}))
    assert sum(len(page) for page in found) == 60


def test_the_limit_defaults_to_100(api, fleet):
    fleet.api.post("/api/threats/batch", varied(150, fresh_customer()))
    fleet.wait_idle()
    wait_until(lambda: len(api.get("/api/threats").json()) == 100, 10, "a full page")
    assert "Link" in api.get("/api/threats").headers


# --- statistics, backlog, health


def test_stats_count_what_is_stored(fleet):
    def counted(api):
        return check(api.get("/api/stats").json(), "stats.json")

    fleet.wait_idle()
    stored = fleet.store.zcard("threats:by_created")
    wait_until(lambda: counted(fleet.api)["total"] == stored, 10, "everything is counted")
    before = counted(fleet.api)
    added = [completed(fleet.api, threat_type="brute_force", customer_id=fresh_customer(), request_count=9000) for _ in range(5)]
    for api in fleet.apis:
        wait_until(lambda: counted(api)["by_status"]["completed"] == before["by_status"]["completed"] + 5, 10, "five more")
        stats = counted(api)
        assert stats["total"] == before["total"] + 5
        assert stats["by_threat_type"]["brute_force"] == before["by_threat_type"]["brute_force"] + 5
        for severity in ("low", "medium", "high", "critical"):
            more = sum(row["severity"] == severity for row in added)
            assert stats["by_severity"][severity] == before["by_severity"][severity] + more
        assert stats["requires_review"] == before["requires_review"] + sum(row["requires_human_review"] for row in added)
        assert sum(stats["by_severity"].values()) == stats["by_status"]["completed"]
        assert sum(stats["by_status"].values()) == sum(stats["by_threat_type"].values()) == stats["total"]
        assert sum(stats["per_minute"]["last_hour"]) == sum(stats["per_minute"]["last_day"]) == stats["total"]


def test_backlog_tells_the_workers(fleet):
    fleet.wait_idle()
    backlog = check(fleet.api.get("/api/backlog").json(), "backlog.json")
    assert (backlog["stream"], backlog["group"]) == ("threats:stream", "soc-workers")
    assert (backlog["lag"], backlog["lag_valid"], backlog["pending"], backlog["outstanding"]) == (0, True, 0, 0)
    assert backlog["outstanding_exact"] is True
    assert backlog["oldest_waiting_seconds"] is None and backlog["oldest_pending_seconds"] is None
    assert len(backlog["consumers"]) == 3
    assert all(consumer["alive"] for consumer in backlog["consumers"])


def health_times_ms(api, count=100):
    times = []
    for _ in range(count):
        started = time.perf_counter()
        assert api.get("/health").status_code == 200
        times.append((time.perf_counter() - started) * 1000)
    return times


def test_health_takes_less_than_5_ms(api):
    assert statistics.median(health_times_ms(api)) < 5 * TIME_SCALE


def test_health_and_ready_when_redis_stops():
    with Fleet(apis=1, workers=1, over_tcp=True) as fleet:
        fleet.redis.terminate()
        for program in fleet.programs:
            wait_until(lambda: program.status("/ready") == 503, 20, f"{program.name} is not ready")
            body = check(program.get("/ready").json(), "ready.json")
            assert body["status"] == "not_ready" and body["components"]["redis"] == "down"
            assert statistics.median(health_times_ms(program)) < 5 * TIME_SCALE
            assert program.metric("soc_redis_up") == 0
            check(program.get("/health").json(), "health.json")
