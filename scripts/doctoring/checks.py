"""All checks, in the order of the report."""

from doctoring import queue_checks, server_checks, store_checks

CHECKS = [*server_checks.CHECKS, *queue_checks.CHECKS, *store_checks.CHECKS]


def findings(examination):
    return [finding for check in CHECKS for finding in check(examination)]
