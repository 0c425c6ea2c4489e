"""Every fault test in its short size; scripts/fault runs them whole."""

import pytest

from runner import run_row
from schedule import ROWS


@pytest.mark.fault
@pytest.mark.parametrize("row", [row for row in ROWS if not row.only_full], ids=lambda row: row.label.replace(" ", "-"))
def test_fault(row):
    outcome, words, _ = run_row(row, short=True)
    if outcome == "skipped":
        pytest.skip(words)
    assert outcome == "held", words
