"""What analysts say moves what comes after, the right way, by a bounded amount that is shown."""

import pytest

from contract import check, check_sums
from sample_signals import fresh_customer, signal
from steps import completed

NOISY = 12
HISTORY_MAX = 0.2
AGENTS_MAX = 0.15


def noisy_signals(customer, block):
    """What one customer's false alarms look like: one shape, each from an address and an agent of its own."""
    return [
        signal(
            customer_id=customer,
            customer_name="Noisy Shop",
            source_ip=f"45.96.{block}.{number + 1}",
            user_agent=f"Mozilla/5.0 (X11; Linux x86_64; shop {customer} {number}) Firefox/128.0",
            request_count=300,
            time_window_minutes=5,
        )
        for number in range(NOISY)
    ]


def impacts(threat):
    """By category; each category's indicators together."""
    sums = {}
    for row in threat["false_positive_score"].get("indicators", []):
        sums[row["category"]] = sums.get(row["category"], 0) + row["impact"]
    return sums


def history_words(threat):
    return [row["indicator"] for row in threat["false_positive_score"].get("indicators", []) if row["category"] == "history"]


def judge(api, threats, verdict):
    for threat in threats:
        assert api.post(f"/api/threats/{threat['id']}/verdict", {"verdict": verdict}).status_code == 200


def score(threat):
    return threat["false_positive_score"]["score"]


def assert_moved(before, after, sign):
    """The change is the history's, up to what the agents' sureness adds in the same direction."""
    was, now = impacts(before), impacts(after)
    moved = score(after) - score(before)
    by_history = now.get("history", 0) - was.get("history", 0)
    by_agents = now.get("agent_confidence", 0) - was.get("agent_confidence", 0)
    assert sign * moved > 0, (score(before), score(after))
    assert 0 < sign * by_history <= HISTORY_MAX + 1e-9
    assert abs(moved - by_history - by_agents) < 1e-6, "nothing else moved the score"
    assert abs(by_agents) <= 2 * AGENTS_MAX
    for category in ("user_agent", "ip_reputation", "request_pattern"):
        assert was.get(category, 0) == now.get(category, 0)


def assert_explained(api, after, judged, verdict):
    told = after["false_positive_score"]
    falsely = judged if verdict == "false_positive" else 0
    assert any(f"{falsely} of {judged}" in words for words in history_words(after)), history_words(after)
    assert (told["similar_resolved_as_fp"], told["similar_resolved_as_real"]) == (falsely, judged - falsely)
    assert told["historical_fp_rate"] == falsely / judged
    assert told["explanation"]
    named = after["agent_analyses"]["historical"]["key_findings"]
    assert any(verdict in finding for finding in named), named
    assert api.post(f"/api/threats/{after['id']}/explain").content == api.get(f"/api/threats/{after['id']}").content


@pytest.mark.parametrize("verdict, sign, block", [("false_positive", 1, 1), ("true_positive", -1, 2)])
def test_verdicts_on_one_half_move_the_other_half(api, verdict, sign, block):
    signals = noisy_signals(fresh_customer("noisy"), block)
    first = [completed(api, **each) for each in signals]
    bystander = signal(customer_id=fresh_customer("quiet"), source_ip=f"45.96.{block}.250", user_agent=f"quiet {block}")
    before_bystander = completed(api, **bystander)
    judge(api, first[: NOISY // 2], verdict)
    for before, again in zip(first[NOISY // 2 :], signals[NOISY // 2 :]):
        after = check_sums(check(completed(api, **again), "analysis.json"))
        assert_moved(before, after, sign)
        assert_explained(api, after, NOISY // 2, verdict)
    assert score(completed(api, **bystander)) == score(before_bystander), "others' verdicts are not ours"


def test_the_same_address_moves_more_and_never_past_the_bound(api):
    customer, found = fresh_customer("bound"), []
    same = signal(customer_id=customer, source_ip="45.96.3.1", user_agent=f"{customer} agent", request_count=300)
    before = completed(api, **same)
    for _ in range(8):
        threat = completed(api, **same)
        judge(api, [threat], "false_positive")
        found.append(impacts(completed(api, **same)).get("history", 0) - impacts(before).get("history", 0))
    assert found == sorted(found), "each verdict adds, or nothing more is to add"
    assert 0 < found[0] and max(found) <= HISTORY_MAX + 1e-9


def test_words_taken_back_give_the_old_score(api):
    customer = fresh_customer("undone")
    signals = noisy_signals(customer, 4)
    first = [completed(api, **each) for each in signals]
    judge(api, first[:6], "false_positive")
    moved = completed(api, **signals[7])
    assert score(moved) > score(first[7])
    judge(api, first[:6], "true_positive")
    assert score(completed(api, **signals[7])) < score(first[7])
    judge(api, first[:6], None)
    undone = completed(api, **signals[7])
    assert score(undone) == score(first[7])
    assert impacts(undone) == impacts(first[7])


def test_past_incidents_move_scores_as_verdicts_do(api):
    by_verdict, by_import = fresh_customer("own"), fresh_customer("imported")
    signals = {customer: noisy_signals(customer, block) for customer, block in ((by_verdict, 5), (by_import, 6))}
    judge(api, [completed(api, **each) for each in signals[by_verdict][:6]], "false_positive")
    rows = [
        {
            "id": f"{by_import}:{number}",
            **{name: each[name] for name in ("customer_id", "threat_type", "source_ip", "user_agent")},
            "verdict": "false_positive",
            "occurred_at": "2026-02-01T00:00:00Z",
        }
        for number, each in enumerate(signals[by_import][:6])
    ]
    assert api.post("/api/incidents", rows).json()["accepted"] == 6
    after = [completed(api, **signals[customer][7]) for customer in (by_verdict, by_import)]
    assert impacts(after[0]) == impacts(after[1])
    assert_explained(api, after[1], 6, "false_positive")
