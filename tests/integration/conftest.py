import sys

sys.dont_write_bytecode = True

import pytest  # noqa: E402

from fleet import Fleet  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if hasattr(item.module, "TIME_SCALE"):
            item.add_marker("alone")


@pytest.fixture(scope="session")
def fleet():
    """Two APIs and three workers for tests that disturb nobody."""
    with Fleet(apis=2, workers=3) as running:
        yield running


@pytest.fixture
def api(fleet):
    return fleet.api


@pytest.fixture
def untouched(fleet):
    """Fails when the test let anything into the stream."""
    fleet.wait_idle()
    before = fleet.redis.entries_added()
    yield
    assert fleet.redis.entries_added() == before, "something reached the stream"
