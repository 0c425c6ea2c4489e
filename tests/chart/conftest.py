import sys

sys.dont_write_bytecode = True

import pytest  # noqa: E402

from rendering import find_helm  # noqa: E402


def pytest_collection_modifyitems(items):
    if find_helm() is None:
        for item in (item for item in items if item.path.name != "test_find_master.py"):
            item.add_marker(pytest.mark.skip(reason="helm is not on PATH, and scripts/build-tools helm could not build it"))
