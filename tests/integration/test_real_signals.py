"""The 103 signals cut from real sshd and web server logs."""

import collections

import pytest

from contract import check, check_sums
from sample_signals import real


@pytest.fixture(scope="module")
def analyses(fleet):
    """One after the other, as the logs have them, so that each can know those before it."""
    answers = [fleet.api.post("/api/threats", row, headers={"Prefer": "wait=20"}) for row in real()]
    assert [answer.status_code for answer in answers] == [200] * 103
    return list(zip(real(), [answer.json() for answer in answers]))


def test_every_one_is_analysed_and_valid(analyses):
    for _, analysis in analyses:
        check_sums(check(analysis, "analysis.json"))


def test_every_one_keeps_its_signal(analyses):
    for row, analysis in analyses:
        kept = analysis["signal"]
        for name in set(row) - {"detected_at", "user_agent"}:
            assert kept[name] == row[name], name
        assert kept.get("user_agent") == row["user_agent"]


def test_all_agents_had_their_say(analyses):
    for _, analysis in analyses:
        assert all(report["available"] for report in analysis["agent_analyses"].values())


def test_the_words_follow_from_the_signal(analyses):
    """No agent says the same about everything, and the scores are spread."""
    for agent in ("historical", "priority", "config"):
        sentences = {analysis["agent_analyses"][agent]["analysis"] for _, analysis in analyses}
        assert len(sentences) > 20, f"{agent} said {len(sentences)} different things"
    assert len({analysis["risk_score"] for _, analysis in analyses}) > 5
    assert len({analysis["severity"] for _, analysis in analyses}) > 1
    assert len({analysis["false_positive_score"]["score"] for _, analysis in analyses}) > 5


def test_addresses_that_come_back_are_remembered(analyses):
    seen = collections.Counter()
    for _, analysis in analyses:
        seen[analysis["signal"]["source_ip"]] += 1
    address, count = seen.most_common(1)[0]
    assert count > 2
    rows = [analysis for _, analysis in analyses if analysis["signal"]["source_ip"] == address]
    assert rows[0]["agent_analyses"]["historical"]["analysis"] != rows[-1]["agent_analyses"]["historical"]["analysis"]


def test_a_pretended_or_unverified_crawler_is_not_taken_at_its_word(analyses):
    """No ranges are loaded: a crawler's name alone proves nothing."""
    for _, analysis in analyses:
        if "Googlebot" in analysis["signal"].get("user_agent", ""):
            impacts = [row["impact"] for row in analysis["false_positive_score"].get("indicators", []) if row["category"] == "user_agent"]
            assert all(impact <= 0.1 for impact in impacts)
