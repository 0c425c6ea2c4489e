"""What a run of labelled signals shows: confusion table, AUROC, and the misses."""

LABELS = ("false_positive", "true_positive")
RECOMMENDATIONS = ("likely_fp", "needs_review", "likely_real")
MISSES = 10


def auroc(scores):
    """The chance that a false positive scores higher than a real threat, ties half (Mann-Whitney U). `scores` are
    (score, label); None when one of the labels is missing."""
    ordered = sorted(scores)
    falsely = sum(label == "false_positive" for _, label in ordered)
    really = len(ordered) - falsely
    if not falsely or not really:
        return None
    rank_sum, first = 0.0, 0
    while first < len(ordered):
        last = first
        while last + 1 < len(ordered) and ordered[last + 1][0] == ordered[first][0]:
            last += 1
        mean_rank = (first + last) / 2 + 1
        rank_sum += mean_rank * sum(label == "false_positive" for _, label in ordered[first : last + 1])
        first = last + 1
    return (rank_sum - falsely * (falsely + 1) / 2) / (falsely * really)


def table(rows):
    counts = {label: dict.fromkeys(RECOMMENDATIONS, 0) for label in LABELS}
    for row in rows:
        counts[row["label"]][row["recommendation"]] += 1
    return counts


def error_of(row):
    """How far the score is from the label's end."""
    return 1 - row["score"] if row["label"] == "false_positive" else row["score"]


def row_of(number, label, analysis):
    fp = analysis["false_positive_score"]
    return {
        "line": number,
        "label": label,
        "score": fp["score"],
        "recommendation": fp["recommendation"],
        "severity": analysis["severity"],
        "threat_type": analysis["signal"]["threat_type"],
        "source_ip": analysis["signal"]["source_ip"],
        "explanation": fp["explanation"],
        "indicators": fp.get("indicators", []),
    }


def summary(rows):
    worst = sorted(rows, key=lambda row: (-error_of(row), row["line"]))[:MISSES]
    return {
        "auroc": auroc([(row["score"], row["label"]) for row in rows]),
        "signals": len(rows),
        "table": table(rows),
        "misses": worst,
    }


def text_of_miss(row):
    parts = ", ".join(f"{part['indicator']} {part['impact']:+.3f}" for part in row["indicators"]) or "no indicator"
    return (
        f"  line {row['line']}: {row['label']}, scored {row['score']:.3f} ({row['recommendation']})"
        f"  {row['threat_type']} of {row['source_ip']}\n    {row['explanation']}\n    0.5: {parts}"
    )


def text(result):
    lines = [f"{'':16}" + "".join(f"{word:>14}" for word in RECOMMENDATIONS)]
    for label in LABELS:
        lines.append(f"{label:16}" + "".join(f"{result['table'][label][word]:14}" for word in RECOMMENDATIONS))
    value = "not defined: one of the labels is missing" if result["auroc"] is None else f"{result['auroc']:.4f}"
    lines += ["", f"AUROC of the false-positive score: {value}   ({result['signals']} signals)"]
    lines += ["", "Farthest from their label:"] + [text_of_miss(row) for row in result["misses"]]
    return "\n".join(lines)
