"""scripts/evaluate: labelled signals through a fleet of its own, and the figures that come out."""

import json
import os
import subprocess
import sys

import pytest

from processes import BUILD, REPOSITORY

LABELLED = REPOSITORY / "tests" / "data" / "labelled.ndjson"
sys.path.insert(0, str(REPOSITORY / "scripts"))

from evaluating import report  # noqa: E402

pytestmark = pytest.mark.plain


def evaluate(*words, stdin=None):
    return subprocess.run(
        [REPOSITORY / "scripts" / "evaluate", *map(str, words)],
        capture_output=True, text=True, input=stdin, timeout=120, env={**os.environ, "SOC_BUILD_DIR": str(BUILD)},
    )


@pytest.fixture(scope="module")
def result():
    done = evaluate("--json", LABELLED)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_real_signals_are_told_apart(result):
    assert result["signals"] == 103
    assert result["auroc"] >= 0.9
    counts = {label: sum(row.values()) for label, row in result["table"].items()}
    assert counts == {"false_positive": 85, "true_positive": 18}
    assert result["table"]["false_positive"]["likely_real"] == result["table"]["true_positive"]["likely_fp"] == 0


def test_every_label_says_why():
    rows = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    assert all(len(row["because"]) > 10 for row in rows)
    signals = [json.loads(line) for line in (LABELLED.parent / "signals.ndjson").read_text().splitlines()]
    assert [row["signal"] for row in rows] == signals


def test_the_ten_worst_come_with_what_they_rest_on(result):
    errors = [1 - row["score"] if row["label"] == "false_positive" else row["score"] for row in result["misses"]]
    assert len(errors) == 10 and errors == sorted(errors, reverse=True)
    for row in result["misses"]:
        total = 0.5 + sum(part["impact"] for part in row["indicators"])
        assert row["explanation"] and row["score"] == pytest.approx(min(1, max(0, total)), abs=1e-9)


def test_labels_addresses_and_names_are_no_rules(result, tmp_path):
    """Other labels give the same scores, and so do other addresses and customers of the same behaviour."""
    rows = [json.loads(line) for line in LABELLED.read_text().splitlines()]
    seen = {}
    for row in rows:
        row["label"] = "true_positive" if row["label"] == "false_positive" else "false_positive"
        address = row["signal"]["source_ip"]
        row["signal"]["source_ip"] = seen.setdefault(address, f"45.83.{len(seen) // 250}.{len(seen) % 250 + 1}")
        row["signal"]["customer_id"] = "x-" + row["signal"]["customer_id"][-3:]
        row["signal"]["customer_name"] = "Someone"
    other = tmp_path / "other.ndjson"
    other.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = evaluate("--json", other)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["auroc"] == pytest.approx(1 - result["auroc"], abs=1e-9)


def test_the_text_shows_table_auroc_and_misses():
    done = evaluate(LABELLED)
    assert done.returncode == 0, done.stderr
    for words in ("likely_fp", "needs_review", "likely_real", "AUROC of the false-positive score", "Farthest from their label"):
        assert words in done.stdout


def test_facts_are_loaded_first(tmp_path):
    """The same signals against a list of all their attackers: each real one is on it, and scored lower."""
    lines = LABELLED.read_text().splitlines()[-17:] + LABELLED.read_text().splitlines()[2:5]
    signals = tmp_path / "some.ndjson"
    signals.write_text("\n".join(lines))
    attackers = sorted({json.loads(line)["signal"]["source_ip"] for line in lines[:17]})
    plain = tmp_path / "attackers.txt"
    plain.write_text("# a plain list\n" + "\n".join(attackers) + "\n")
    document = tmp_path / "facts.json"
    document.write_text(json.dumps({"customers": {"cust-labsz": {"name": "Lab", "tier": "premium"}}}))
    without, with_facts = evaluate("--json", signals), evaluate("--json", "--facts", plain, "--facts", document, signals)
    assert with_facts.returncode == 0, with_facts.stderr
    before, after = json.loads(without.stdout), json.loads(with_facts.stdout)
    assert after["table"]["true_positive"]["likely_real"] == 17 > before["table"]["true_positive"]["likely_real"]


def test_what_others_publish_is_taken_as_it_is(tmp_path):
    """Ranges verify the crawlers, a bundle accuses, and documents may stand a line each."""
    line = json.loads(LABELLED.read_text().splitlines()[0])
    signals = tmp_path / "one.ndjson"
    signals.write_text(json.dumps(line))
    ranges = tmp_path / "Googlebot.json"
    ranges.write_text(json.dumps({"creationTime": "2026-11-01T00:00:00", "prefixes": [{"ipv4Prefix": "66.249.64.0/19"}]}, indent=1))
    bundle = tmp_path / "bundle.json"
    pattern = f"[ipv4-addr:value = '{line['signal']['source_ip']}']"
    row = {"type": "indicator", "spec_version": "2.1", "id": "indicator--1", "pattern": pattern, "pattern_type": "stix", "confidence": 80}
    bundle.write_text(json.dumps({"type": "bundle", "id": "bundle--1", "objects": [row]}))
    lines = tmp_path / "documents.ndjson"
    documents = [{"customers": {"a": {"tier": "premium"}}}, {"customers": {line["signal"]["customer_id"]: {"tier": "premium", "requests_per_minute": 1}}}]
    lines.write_text("".join(json.dumps(document) + "\n" for document in documents))
    words = [word for path in (ranges, bundle, lines) for word in ("--facts", path)]
    done = evaluate("--json", *words, signals)
    assert done.returncode == 0, done.stderr
    said = " ".join(part["indicator"] for part in json.loads(done.stdout)["misses"][0]["indicators"])
    assert "verified Googlebot (list Googlebot, data of 2026-11-01" in said and "blocklist" in said and "volume far under" not in said
    odd = tmp_path / "nobody.json"
    odd.write_text(ranges.read_text())
    done = evaluate("--facts", odd, signals)
    assert done.returncode != 0 and "none of a crawler" in done.stderr


@pytest.mark.parametrize(
    "content, says",
    [
        ("", "holds no line"),
        ("{}\n", "line 1"),
        ('{"signal": {}, "label": "maybe"}\n', "the label is none of"),
        ('\n{"signal": {"threat_type": "bot"}, "label": "false_positive"}\n', "line 2: HTTP 422"),
        ("no json\n", "line 1"),
    ],
)
def test_bad_lines_are_named(content, says):
    done = evaluate("-", stdin=content)
    assert done.returncode != 0 and says in done.stderr


@pytest.mark.parametrize("content, says", [("{", "no JSON that can be read"), ('{"customer": {}}', "wants an object"), ("[1]", "wants an object")])
def test_bad_facts_are_named(tmp_path, content, says):
    facts = tmp_path / "facts.json"
    facts.write_text(content)
    done = evaluate("--facts", facts, LABELLED)
    assert done.returncode != 0 and says in done.stderr


@pytest.mark.parametrize(
    "scores, value",
    [
        ([(0.9, "false_positive"), (0.1, "true_positive")], 1),
        ([(0.1, "false_positive"), (0.9, "true_positive")], 0),
        ([(0.5, "false_positive"), (0.5, "true_positive")], 0.5),
        ([(0.5, "false_positive"), (0.5, "true_positive"), (0.7, "false_positive"), (0.2, "true_positive")], 0.875),
        ([(0.5, "false_positive")], None),
    ],
)
def test_auroc_is_the_share_of_pairs_in_order(scores, value):
    pairs = [(f, t) for f, lf in scores for t, lt in scores if (lf, lt) == ("false_positive", "true_positive")]
    by_hand = sum(1 if f > t else 0.5 if f == t else 0 for f, t in pairs) / len(pairs) if pairs else None
    assert report.auroc(scores) == by_hand == value
