"""Waiting for a condition, with a limit; for whoever has nothing but Python."""

import time

POLL_S = 0.01


def wait_until(condition, limit_s, what="the condition", every_s=POLL_S):
    """Returns the first true value of condition(); fails after limit_s."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {limit_s} s (last: {value!r})")
        time.sleep(every_s)
