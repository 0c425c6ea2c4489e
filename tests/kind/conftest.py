import sys

sys.dont_write_bytecode = True

import pytest  # noqa: E402

from stubs import Machine  # noqa: E402


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)
