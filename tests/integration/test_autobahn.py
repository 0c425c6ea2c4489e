"""The Autobahn testsuite's fuzzing client against the frame code of /ws, where the suite is at hand: scripts/autobahn
--prepare brings it."""

import os
import pathlib
import re
import subprocess

import pytest

from processes import BUILD

pytestmark = pytest.mark.plain

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "autobahn"
NOT_CACHED = 3
LIMIT_S = 300


def test_every_case_of_the_suite_is_passed():
    done = subprocess.run(
        [str(SCRIPT), "--cached"],
        env={**os.environ, "SOC_BUILD_DIR": str(BUILD)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode == NOT_CACHED:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout
    cases, failed = map(int, re.search(r"(\d+) cases: .*; (\d+) failed", done.stdout).groups())
    assert cases > 290 and failed == 0
