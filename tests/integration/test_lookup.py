"""GET /api/intel/lookup: every list that holds an address, always current."""

import pytest

from contract import check, check_problem
from fleet import Fleet
from intel_steps import post_list, taken
from processes import wait_until


@pytest.fixture(scope="module")
def own():
    with Fleet(apis=1, workers=0) as fleet:
        taken(post_list(fleet.api, "45.90.1.0/24\n45.90.0.0/16\n2a01:4f8::/32\n", list="wide", category="hosting", source="h.example", as_of="2026-11-01", score="40"))
        taken(post_list(fleet.api, "ip,score\n45.90.1.7,95\n2a01:4f8::7,80\n", "text/csv", list="exact", category="blocklist"))
        taken(post_list(fleet.api, "203.0.114.0/24\n", list="other", category="vpn"))
        taken(post_list(fleet.api, "0.0.0.0/0\n", list="all-ipv4", category="proxy", score="1"))
        fleet.store.hset("intel:lists", mapping={"broken": "{", "by-hand": '{"category":"scanner"}'})
        fleet.store.hset("intel:list:by-hand", mapping={"45.90.1.9/32": "7", "45.90.1.10": "high", "64:ff9b::/96": ""})
        yield fleet


def look_up(fleet, ip):
    answer = fleet.api.get("/api/intel/lookup", params={"ip": ip})
    assert answer.status_code == 200, answer.text
    return check(answer.json(), "lookup.json")


def found(fleet, ip):
    return [(match["list"], match["entry"], match["score"]) for match in look_up(fleet, ip)["matches"]]


def test_each_list_tells_its_longest_entry_with_source_and_date(own):
    assert look_up(own, "45.90.1.7") == {
        "ip": "45.90.1.7",
        "lists_asked": 5,
        "matches": [
            {"list": "exact", "category": "blocklist", "entry": "45.90.1.7/32", "score": 95},
            {"list": "wide", "category": "hosting", "source": "h.example", "as_of": "2026-11-01", "entry": "45.90.1.0/24", "score": 40},
            {"list": "all-ipv4", "category": "proxy", "entry": "0.0.0.0/0", "score": 1},
        ],
    }
    assert found(own, "45.90.2.7") == [("wide", "45.90.0.0/16", 40), ("all-ipv4", "0.0.0.0/0", 1)]


def test_ipv6(own):
    assert found(own, "2A01:4F8:0:0::7") == [("exact", "2a01:4f8::7/128", 80), ("wide", "2a01:4f8::/32", 40)]
    assert found(own, "2a01:4f9::7") == []


def test_mapped_and_nat64_addresses_are_judged_by_the_ipv4_address_in_them(own):
    assert look_up(own, "::ffff:45.90.1.7") == look_up(own, "45.90.1.7")
    nat64 = look_up(own, "64:ff9b::2d5a:107")
    assert nat64["judged_as"] == "45.90.1.7"
    assert nat64["matches"][0]["list"] == "exact"
    assert ("by-hand", "64:ff9b::/96", 50) in found(own, "64:ff9b::2d5a:107"), "and as it stands"


def test_entries_of_others_are_read_as_workers_read_them(own):
    assert ("by-hand", "45.90.1.9/32", 7) in found(own, "45.90.1.9")
    assert "by-hand" not in [row[0] for row in found(own, "45.90.1.10")], "its score cannot be read"


def test_special_ranges_are_told(own):
    assert look_up(own, "10.1.2.3")["range"] == {"cidr": "10.0.0.0/8", "meaning": "private use", "reference": "RFC 1918"}
    assert look_up(own, "64:ff9b::a01:203")["range"]["cidr"] == "10.0.0.0/8"
    assert look_up(own, "::1")["range"]["meaning"] == "loopback"
    assert "range" not in look_up(own, "45.90.1.7")


def test_a_change_is_seen_at_once(own):
    taken(post_list(own.api, "77.1.2.3\n", list="moving", category="tor"))
    assert "moving" in [row[0] for row in found(own, "77.1.2.3")]
    taken(post_list(own.api, "77.1.2.4\n", list="moving", category="tor"))
    assert "moving" not in [row[0] for row in found(own, "77.1.2.3")]
    own.api.http.delete(f"{own.api.url}/api/intel/indicators?list=moving", timeout=20)
    assert "moving" not in [row[0] for row in found(own, "77.1.2.4")]


@pytest.mark.parametrize("query, parameter", [("", "ip"), ("ip=", "ip"), ("ip=1.2.3", "ip"), ("ip=1.2.3.4/32", "ip"), ("ip=%ff", "ip"), ("ip=1.2.3.4&x=1", "x")])
def test_a_bad_question_is_refused(own, query, parameter):
    problem = check_problem(own.api.get(f"/api/intel/lookup?{query}"), 422)
    assert problem["errors"][0]["parameter"] == parameter


def test_redis_away_is_503():
    with Fleet(apis=1, workers=0) as fleet:
        fleet.redis.kill()
        wait_until(lambda: fleet.api.status("/ready") == 503, 20, "the API has noticed")
        check_problem(fleet.api.get("/api/intel/lookup?ip=1.2.3.4"), 503)
