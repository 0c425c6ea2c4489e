import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import pytest  # noqa: E402

from watched_fleet import WatchedFleet  # noqa: E402


@pytest.fixture(scope="session")
def watched():
    with WatchedFleet() as running:
        yield running
