"""Threat-intel lists over HTTP: every format, good and broken in each way. A refused import names each line, and
leaves the old list whole."""

import json
import threading
import time

import pytest

from contract import check, check_problem
from fleet import Fleet
from intel_steps import places, post_list, refused, taken
from processes import TIME_SCALE, wait_until
from steps import completed

WITHIN_S = 1.5 * TIME_SCALE
OLD = {"192.0.2.7": "", "198.51.100.0/24": ""}


@pytest.fixture(scope="module")
def own():
    with Fleet(apis=2, workers=1) as running:
        yield running


@pytest.fixture
def old(own):
    """A list that must stay as it is."""
    taken(post_list(own.api, "192.0.2.7\n198.51.100.0/24\n", list="old", category="blocklist", source="before"))
    record = own.store.hget("intel:lists", "old")
    yield own
    assert own.store.hgetall("intel:list:old") == OLD
    assert own.store.hget("intel:lists", "old") == record
    assert not own.store.keys("intel:import:*"), "nothing lies about"


def entries(own, name):
    return own.store.hgetall(f"intel:list:{name}")


# --- plain


def test_a_plain_list(own):
    body = "\ufeff# feed of today\r\n45.90.1.7\r\n\r\n45.90.1.0/24 ; SBL1\n2A01:4f8:0::1\n ::ffff:45.90.1.9 \n5.6.7.8\t3\n;end"
    report = taken(post_list(own.api, body, list="plain", category="blocklist", source="feed.example", as_of="2026-11-01", score="90"))
    assert report == {
        "list": "plain",
        "category": "blocklist",
        "source": "feed.example",
        "as_of": "2026-11-01",
        "score": 90,
        "format": "plain",
        "lines": 8,
        "accepted": 5,
        "rejected": 0,
        "errors": [],
    }
    assert entries(own, "plain") == {"45.90.1.7": "", "45.90.1.0/24": "", "2a01:4f8::1": "", "45.90.1.9": "", "5.6.7.8": ""}
    record = json.loads(own.store.hget("intel:lists", "plain"))
    assert {name: record[name] for name in ("category", "source", "as_of", "score", "rejected")} == {
        "category": "blocklist",
        "source": "feed.example",
        "as_of": "2026-11-01",
        "score": 90,
        "rejected": 0,
    }
    assert record["imported_at"]
    assert own.store.ttl("intel:list:plain") == -1
    assert own.store.xrevrange("context:log", count=1)[0][1] == {"kind": "intel", "id": "plain"}


PLAIN_FAULTS = [
    ("1.2.3.4\nexample.com\n", 2, "not an address or CIDR"),
    ("1.2.3.4\n1.2.3.999\n", 2, "not an address or CIDR"),
    ("1.2.3.4\n1.2.3\n", 2, "not an address or CIDR"),
    ("1.2.3.0/33\n", 1, "bad prefix length"),
    ("1.2.3.0/\n", 1, "bad prefix length"),
    ("2a01::/129\n", 1, "bad prefix length"),
    ("# one\n\n1.2.3.4/24\n", 3, "host bits set"),
    ("1.2.3.4\n5.6.7.8\n1.2.3.4/32\n", 3, "duplicate of line 1"),
    ("1.2.3.4\n::ffff:1.2.3.4\n", 2, "duplicate of line 1"),
    ("1.2.3.4 what\n", 1, "has more than an address or CIDR"),
    (b"1.2.3.4\n5.6.7.\xff\n", 2, "is not valid UTF-8"),
    ("", 0, "holds no entry"),
    ("# nothing\n\n", 2, "holds no entry"),
    ("1.2.3.4\n203.0.1", 2, "not an address or CIDR"),
]


@pytest.mark.parametrize("body, line, reason", PLAIN_FAULTS)
def test_a_broken_plain_list_is_refused(old, body, line, reason):
    report = refused(post_list(old.api, body, list="old", category="blocklist"))
    assert places(report) == [(line, reason)]
    assert report["rejected"] == 1


def test_a_list_of_one_family(old):
    report = refused(post_list(old.api, "2a01::1\n1.2.3.4\n", list="old", category="blocklist", family="ipv6"))
    assert places(report) == [(2, "is IPv4, but the list is of IPv6")]
    report = refused(post_list(old.api, "2a01::1\n1.2.3.4\n", list="old", category="blocklist", family="ipv4"))
    assert places(report) == [(1, "is IPv6, but the list is of IPv4")]
    assert report["errors"][0]["value"] == "2a01::1"


def test_partial_takes_the_good_lines(own):
    report = taken(post_list(own.api, "1.2.3.4\nbad\x01line\n1.2.3.4\n5.6.7.0/24\n", list="partial", category="tor", partial="true"))
    assert (report["lines"], report["accepted"], report["rejected"]) == (4, 2, 2)
    assert report["errors"][0] == {"line": 2, "value": "bad?line", "reason": "not an address or CIDR"}
    assert places(report)[1] == (3, "duplicate of line 1")
    assert entries(own, "partial") == {"1.2.3.4": "", "5.6.7.0/24": ""}
    assert json.loads(own.store.hget("intel:lists", "partial"))["rejected"] == 2


def test_partial_never_empties_a_list(old):
    report = refused(post_list(old.api, "bad\nworse\n", list="old", category="blocklist", partial="true"))
    assert report["accepted"] == 0


def test_a_long_value_is_cut_and_many_errors_are_counted(old):
    body = "x" * 5000 + "\n" + "bad\n" * 10500
    report = refused(post_list(old.api, body, list="old", category="blocklist"))
    assert (report["rejected"], len(report["errors"]), report["errors_omitted"]) == (10501, 10000, 501)
    assert len(report["errors"][0]["value"]) < 70 and report["errors"][9999]["line"] == 10000


# --- CSV


def test_csv_with_and_without_a_header(own):
    report = taken(post_list(own.api, 'score,"ip"\n80, 1.2.3.4\n,5.6.7.0/24\n"100","2a01::1"\n', "text/csv; charset=utf-8", list="csv", category="proxy"))
    assert (report["format"], report["accepted"]) == ("csv", 3)
    assert entries(own, "csv") == {"1.2.3.4": "80", "5.6.7.0/24": "", "2a01::1": "100"}
    taken(post_list(own.api, "1.2.3.4,80\n5.6.7.8\n", "text/csv", list="csv", category="proxy"))
    assert entries(own, "csv") == {"1.2.3.4": "80", "5.6.7.8": ""}, "replaced whole"


CSV_FAULTS = [
    ("ip,score,country\n1.2.3.4,5,DE\n", 1, "the column country is unknown"),
    ("ip,score\n1.2.3.4,101\n", 2, "score must be an integer from 0 to 100"),
    ("ip,score\n1.2.3.4,high\n", 2, "score must be an integer from 0 to 100"),
    ("ip,score\n1.2.3.4,50,x\n", 2, "has 3 columns instead of 2"),
    ("ip,score\n1.2.3.999,50\n", 2, "not an address or CIDR"),
    ("score\n50\n", 1, "has no column ip, address, indicator or cidr"),
    ("ip,address\n1.2.3.4,5.6.7.8\n", 1, "has two columns of one meaning"),
    ("score,ip\n50\n", 2, "has no cell in the column of addresses"),
    ('ip\n"1.2.3.4\n', 2, "has a quote that is not closed"),
    ("cidr\n1.2.3.4/24\n", 2, "host bits set"),
    ("cidr\n1.2.3.0/24\n1.2.3.0/24\n", 3, "duplicate of line 2"),
    (b"ip\n\xe9\n", 2, "is not valid UTF-8"),
    ("ip,score\n", 1, "holds no entry"),
]


@pytest.mark.parametrize("body, line, reason", CSV_FAULTS)
def test_a_broken_csv_list_is_refused(old, body, line, reason):
    report = refused(post_list(old.api, body, "text/csv", list="old", category="blocklist"))
    assert places(report) == [(line, reason)]


# --- STIX


def indicator(pattern, number=1, **more):
    return {"type": "indicator", "id": f"indicator--{number}", "pattern_type": "stix", "pattern": pattern, **more}


def bundle(*objects, **more):
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": list(objects), **more})


def test_a_stix_bundle(own):
    body = bundle(
        {"type": "identity", "id": "identity--1"},
        indicator("[ipv4-addr:value = '1.2.3.4']", confidence=85),
        indicator("[ipv4-addr:value = '5.6.7.0/24' OR ipv6-addr:value='2a01::/32']", valid_until="2100-01-01T00:00:00Z"),
        indicator("[ipv4-addr:value IN ('9.9.9.1', '9.9.9.2')] OR [ipv4-addr:value ISSUBSET '8.8.0.0/16']", revoked=False),
    )
    report = taken(post_list(own.api, body, "application/json", list="stix", category="blocklist"))
    assert (report["format"], report["lines"], report["accepted"], report["ignored"]) == ("stix", 4, 6, 1)
    assert entries(own, "stix") == {"1.2.3.4": "85", "5.6.7.0/24": "", "2a01::/32": "", "9.9.9.1": "", "9.9.9.2": "", "8.8.0.0/16": ""}


NO_ADDRESS = "pattern is not a comparison with ipv4-addr:value or ipv6-addr:value, or OR of such"
STIX_FAULTS = [
    (indicator("[ipv4-addr:value = '1.2.3.4']", revoked=True), "", "is revoked"),
    (indicator("[ipv4-addr:value = '1.2.3.4']", valid_until="2020-01-01T00:00:00Z"), "", "has expired: valid_until has passed"),
    (indicator("[ipv4-addr:value = '1.2.3.4']", valid_until="soon"), "", "valid_until is not a time of RFC 3339"),
    (indicator("[ipv4-addr:value = '1.2.3.4']", confidence=101), "", "confidence is not an integer from 0 to 100"),
    (indicator("[ipv4-addr:value = '1.2.3.4']", pattern_type="snort"), "", "pattern_type is not stix"),
    (indicator("[domain-name:value = 'example.com']"), "/pattern", NO_ADDRESS),
    (indicator("[ipv4-addr:value = '1.2.3.4' AND ipv4-addr:value = '5.6.7.8']"), "/pattern", NO_ADDRESS),
    (indicator("[ipv4-addr:value != '1.2.3.4']"), "/pattern", NO_ADDRESS),
    (indicator("[ipv4-addr:value = '1.2.3.4'"), "/pattern", NO_ADDRESS),
    (indicator("[ipv4-addr:value = '1.2.3.4"), "/pattern", "pattern has a string that is not closed"),
    (indicator("[ipv4-addr:value = '1.2.3.4/24']"), "/pattern", "pattern: 1.2.3.4/24: host bits set"),
    (indicator("[ipv4-addr:value = '2a01::1']"), "/pattern", "pattern: 2a01::1: is IPv6 in a field for IPv4"),
    (indicator("[ipv6-addr:value = '1.2.3.4']"), "/pattern", "pattern: 1.2.3.4: is IPv4 in a field for IPv6"),
    (indicator("[ipv4-addr:value = '203.0.114.1']"), "/pattern", "duplicate of /objects/0"),
    ({"type": "indicator", "id": "indicator--1"}, "", "has no pattern"),
    ({"id": "indicator--1"}, "", "has no type"),
]


@pytest.mark.parametrize("broken, member, reason", STIX_FAULTS)
def test_a_broken_indicator_is_rejected_by_index_and_id(old, broken, member, reason):
    body = bundle(indicator("[ipv4-addr:value = '203.0.114.1']", 0), broken)
    report = refused(post_list(old.api, body, "application/json", list="old", category="blocklist"))
    assert report["errors"] == [{"index": 1, "pointer": f"/objects/1{member}", "value": "indicator--1", "reason": reason}]


# --- MISP


def warninglist(*lines, **more):
    return json.dumps({"name": "List of egress", "version": 20261103, "type": "cidr", "list": list(lines), **more})


def test_a_misp_warninglist_names_and_dates_itself(own):
    report = taken(post_list(own.api, warninglist("1.2.3.0/24", "2a01::1"), "application/json", category="shared_egress"))
    assert (report["list"], report["as_of"], report["format"], report["accepted"]) == ("List of egress", "2026-11-03", "misp", 2)
    assert entries(own, "List of egress") == {"1.2.3.0/24": "", "2a01::1": ""}
    report = taken(post_list(own.api, warninglist("1.2.3.0/24", version=7), "application/json", category="vpn", list="other", as_of="2026-01-02"))
    assert (report["list"], report["as_of"]) == ("other", "2026-01-02")


MISP_FAULTS = [
    (warninglist("1.2.3.4", "1.2.3.4/8"), "/list/1", "host bits set"),
    (warninglist("1.2.3.4", "www.example.com"), "/list/1", "not an address or CIDR"),
    (warninglist("1.2.3.4", 7), "/list/1", "is not a string"),
    (warninglist("1.2.3.4", "1.2.3.4"), "/list/1", "duplicate of /list/0"),
    (warninglist(), "", "holds no entry"),
    (warninglist("1.2.3.4")[:-9], "", None),
    ('{"name":"x","list":["1.2.3.4"]} more', "", None),
    (b'{"list":["1.2.3.4","\xff"]}', "", None),
]


@pytest.mark.parametrize("body, pointer, reason", MISP_FAULTS)
def test_a_broken_warninglist_is_refused(old, body, pointer, reason):
    report = refused(post_list(old.api, body, "application/json", list="old", category="shared_egress"))
    (error,) = report["errors"]
    assert error["pointer"] == pointer and (reason is None or error["reason"] == reason)


def test_a_cut_off_document_is_refused_whole(old):
    body = warninglist("1.2.3.4", "5.6.7.8")[:-12]
    report = refused(post_list(old.api, body, "application/json", list="old", category="vpn", partial="true"))
    assert "ends in the middle" in report["errors"][0]["reason"]


def test_a_warninglist_without_a_name(old):
    report = refused(post_list(old.api, '{"list":["1.2.3.4"]}', "application/json", category="vpn"))
    assert "no name" in report["errors"][0]["reason"] and "list" not in report


# --- crawler ranges


def ranges(*prefixes):
    return json.dumps({"creationTime": "2026-11-02T15:00:40.000000", "prefixes": list(prefixes)})


def test_published_ranges_of_a_crawler(own):
    body = ranges({"ipv6Prefix": "2001:4860:4801:10::/64"}, {"ipv4Prefix": "66.249.64.0/27"})
    report = taken(post_list(own.api, body, "application/json", list="googlebot", crawler="Googlebot"))
    assert (report["category"], report["crawler"], report["as_of"]) == ("crawler", "Googlebot", "2026-11-02")
    assert entries(own, "googlebot") == {"2001:4860:4801:10::/64": "", "66.249.64.0/27": ""}
    agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    wait_until(
        lambda: completed(own.api, source_ip="66.249.64.3", user_agent=agent)["facts"]["crawler"]["verdict"] == "verified", WITHIN_S, "the crawler is believed"
    )


RANGE_FAULTS = [
    ({"ipv4Prefix": "2001:4860::/32"}, "/prefixes/1/ipv4Prefix", "is IPv6 in a field for IPv4"),
    ({"ipv6Prefix": "66.249.64.0/27"}, "/prefixes/1/ipv6Prefix", "is IPv4 in a field for IPv6"),
    ({"ipv6Prefix": "2001:4860::1/32"}, "/prefixes/1/ipv6Prefix", "host bits set"),
    ({"ipv4Prefix": "66.249.64.0/40"}, "/prefixes/1/ipv4Prefix", "bad prefix length"),
    ({"ipv4Prefix": 7}, "/prefixes/1/ipv4Prefix", "is not a string"),
    ({"ipv4": "66.249.64.0/27"}, "/prefixes/1", "has neither ipv4Prefix nor ipv6Prefix"),
    ({"ipv4Prefix": "1.1.1.0/24", "ipv6Prefix": "2a01::/32"}, "/prefixes/1/ipv6Prefix", "has more than one prefix"),
    ({"ipv4Prefix": "203.0.114.0/24"}, "/prefixes/1/ipv4Prefix", "duplicate of /prefixes/0"),
    ("66.249.64.0/27", "/prefixes/1", "is not an object"),
]


@pytest.mark.parametrize("broken, pointer, reason", RANGE_FAULTS)
def test_broken_ranges_are_refused(old, broken, pointer, reason):
    body = ranges({"ipv4Prefix": "203.0.114.0/24"}, broken)
    report = refused(post_list(old.api, body, "application/json", list="old", crawler="Googlebot"))
    assert places(report) == [(pointer, reason)]


# --- the request


PARAMETERS = [
    ({"category": "blocklist"}, "list"),
    ({"list": "old"}, "category"),
    ({"list": "old", "category": "evil"}, "category"),
    ({"list": "a\nb", "category": "tor"}, "list"),
    ({"list": "x" * 129, "category": "tor"}, "list"),
    ({"list": "old", "category": "tor", "score": "101"}, "score"),
    ({"list": "old", "category": "tor", "as_of": "yesterday"}, "as_of"),
    ({"list": "old", "category": "tor", "family": "ipv5"}, "family"),
    ({"list": "old", "category": "tor", "partial": "yes"}, "partial"),
    ({"list": "old", "category": "tor", "format": "xml"}, "format"),
    ({"list": "old", "category": "tor", "crawler": "Googlebot"}, "crawler"),
    ({"list": "old", "category": "crawler"}, "crawler"),
    ({"list": "old", "category": "tor", "colour": "blue"}, "colour"),
]


@pytest.mark.parametrize("parameters, name", PARAMETERS)
def test_a_bad_parameter_is_named(old, parameters, name):
    problem = check_problem(post_list(old.api, "1.2.3.4", **parameters), 422)
    assert [error["parameter"] for error in problem["errors"]] == [name]


def test_the_format_is_guessed(own):
    for body, type_, format_ in (
        ("1.2.3.4\n", None, "plain"),
        ("# c\n1.2.3.4,5\n", "application/octet-stream", "csv"),
        ("1.2.3.4\n", "application/x-www-form-urlencoded", "plain"),
        (bundle(indicator("[ipv4-addr:value = '1.2.3.4']")), None, "stix"),
        (bundle(indicator("[ipv4-addr:value = '1.2.3.4']")), "application/stix+json;version=2.1", "stix"),
        (warninglist("1.2.3.4"), None, "misp"),
    ):
        assert taken(post_list(own.api, body, type_, list="guessed", category="tor"))["format"] == format_
    check_problem(post_list(own.api, "<xml/>", "application/xml", list="guessed", category="tor"), 415)
    check_problem(post_list(own.api, "{}", "application/json", list="guessed", category="tor"), 415)


def test_sizes_are_bounded(old):
    too_long = b"1.2.3.4 # " + b"x" * (16 * 1024 * 1024)
    assert "16777216" in check_problem(post_list(old.api, too_long, list="old", category="tor"), 413)["detail"]
    json_body = b'{"type":"bundle","objects":[]' + b" " * (8 * 1024 * 1024) + b"}"
    assert "8388608" in check_problem(post_list(old.api, json_body, "application/json", list="old", category="tor"), 413)["detail"]


def numbered(count, first=11):
    return "".join(f"{first + (i >> 24)}.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(count))


def test_ten_megabytes_are_taken_while_health_is_quick(own):
    body = numbered(1_000_000)
    assert len(body) > 10_000_000
    done, slowest = [], 0.0
    importer = threading.Thread(target=lambda: done.append(post_list(own.api, body, list="large", category="hosting")))
    importer.start()
    while importer.is_alive():
        started = time.monotonic()
        assert own.api.get("/health").status_code == 200
        slowest = max(slowest, time.monotonic() - started)
    importer.join()
    assert taken(done[0])["accepted"] == 1_000_000
    assert own.store.hlen("intel:list:large") == 1_000_000
    assert slowest < 0.25 * TIME_SCALE
    assert own.api.http.delete(f"{own.api.url}/api/intel/indicators?list=large", timeout=20).status_code == 204


def test_concurrent_imports_of_one_list_one_wins_whole(own):
    bodies = [numbered(20_000, first) for first in (20, 30, 40, 50)]
    answers = []
    threads = [
        threading.Thread(target=lambda i=i: answers.append(post_list(own.apis[i % 2], bodies[i], list="raced", category="tor", source=str(i)))) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [taken(answer)["accepted"] for answer in answers] == [20_000] * 4
    winner = int(json.loads(own.store.hget("intel:lists", "raced"))["source"])
    assert set(entries(own, "raced")) == set(bodies[winner].split())


# --- the lists


def test_lists_are_shown_and_removed(own):
    taken(post_list(own.api, "1.2.3.4\n5.6.7.8\n", list="shown", category="scanner", source="s", as_of="2026-11-01T00:00:00Z"))
    rows = [check(row, "indicator_list.json") for row in own.apis[1].get("/api/intel/indicators").json()]
    assert [row["list"] for row in rows] == sorted(row["list"] for row in rows)
    (row,) = [row for row in rows if row["list"] == "shown"]
    assert row.pop("imported_at")
    assert row == {"list": "shown", "category": "scanner", "source": "s", "as_of": "2026-11-01T00:00:00Z", "score": 50, "entries": 2, "rejected": 0}
    url = f"{own.api.url}/api/intel/indicators"
    assert own.api.http.delete(url, params={"list": "shown"}, timeout=20).status_code == 204
    check_problem(own.api.http.delete(url, params={"list": "shown"}, timeout=20), 404)
    check_problem(own.api.http.delete(url, timeout=20), 422)
    assert not own.store.exists("intel:list:shown") and not own.store.hexists("intel:lists", "shown")


def test_workers_judge_by_a_new_list_within_a_second(own):
    fields = {"customer_id": "intel", "source_ip": "45.91.1.7"}

    def lists(row):
        return [found["list"] for found in row["facts"].get("intel", [])]

    assert lists(completed(own.api, **fields)) == []
    taken(post_list(own.api, "45.91.1.0/24\n", list="fresh", category="blocklist", score="95"))
    after = wait_until(lambda: lists(row := completed(own.api, **fields)) == ["fresh"] and row, WITHIN_S, "the list is used")
    assert after["facts"]["intel"][0]["score"] == 95
    own.api.http.delete(f"{own.api.url}/api/intel/indicators?list=fresh", timeout=20)
    wait_until(lambda: lists(completed(own.api, **fields)) == [], WITHIN_S, "the list is forgotten")


# --- what dies


def importing(fleet, body):
    """An import in a thread, caught while it gathers its entries."""
    thread = threading.Thread(target=lambda: answers.append(try_post(fleet.api, body)))
    answers = []
    thread.start()
    wait_until(lambda: fleet.store.keys("intel:import:*") or answers, 60, "the import gathers")
    assert not answers, "the import was too fast to be caught"
    return thread, answers


def try_post(api, body):
    try:
        return post_list(api, body, list="old", category="tor")
    except OSError as error:
        return error


def test_an_api_that_is_killed_in_mid_import_leaves_the_old_list_whole():
    with Fleet(apis=1, workers=0) as fleet:
        taken(post_list(fleet.api, "192.0.2.7\n198.51.100.0/24\n", list="old", category="blocklist"))
        thread, answers = importing(fleet, numbered(400_000))
        fleet.api.kill()
        thread.join()
        assert isinstance(answers[0], OSError)
        assert fleet.store.hgetall("intel:list:old") == OLD
        assert json.loads(fleet.store.hget("intel:lists", "old"))["category"] == "blocklist"
        (gathered,) = fleet.store.keys("intel:import:*")
        assert 0 < fleet.store.ttl(gathered) <= 600, "what is left goes by itself"


def test_redis_that_dies_in_mid_import_is_503_and_the_old_list_whole():
    with Fleet(apis=1, workers=0) as fleet:
        taken(post_list(fleet.api, "192.0.2.7\n198.51.100.0/24\n", list="old", category="blocklist"))
        wait_until(lambda: fleet.store.info("persistence")["aof_pending_bio_fsync"] == 0, 10, "the old list is on the disk")
        thread, answers = importing(fleet, numbered(400_000))
        fleet.redis.kill()
        thread.join()
        assert "whole" in check_problem(answers[0], 503)["detail"]
        check_problem(post_list(fleet.api, "1.2.3.4", list="old", category="tor"), 503)
        check_problem(fleet.api.get("/api/intel/indicators"), 503)
        fleet.redis.start()
        fleet.api.wait_ready()
        assert fleet.store.hgetall("intel:list:old") == OLD
