"""Findings as a person and as a program reads them."""

import textwrap

from doctoring.finding import ERROR, NOTE, WARNING

WIDTH = 110
ORDER = {ERROR: 0, WARNING: 1, NOTE: 2}


def _counts(found):
    return {severity: sum(row.severity == severity for row in found) for severity in ORDER}


def as_json(found):
    return {"findings": [row._asdict() for row in found], **{severity + "s": number for severity, number in _counts(found).items()}}


def as_text(found):
    lines = []
    for row in sorted(found, key=lambda row: ORDER[row.severity]):
        lines.append(f"{row.severity.upper()} {row.id}")
        for label, text in (("", row.what), ("why: ", row.why), ("do:  ", row.do)):
            lines += textwrap.wrap(label + text, WIDTH, initial_indent="  ", subsequent_indent="  " + " " * len(label), break_long_words=False)
    counts = _counts(found)
    plural = ", ".join(f"{number} {severity}{'' if number == 1 else 's'}" for severity, number in counts.items())
    return "\n".join([*lines, plural if found else "healthy: nothing found"])


def exit_code(found):
    counts = _counts(found)
    return 2 if counts[ERROR] else 1 if counts[WARNING] else 0
