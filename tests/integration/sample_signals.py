"""Signals for tests."""

import itertools
import json

from processes import REPOSITORY


TYPES = [
    "bot_traffic",
    "credential_stuffing",
    "account_takeover",
    "data_scraping",
    "geo_anomaly",
    "rate_limit_breach",
    "brute_force",
    "proxy_network",
    "device_compromise",
    "anomaly_detection",
]
REAL = REPOSITORY / "tests" / "data" / "signals.ndjson"

_numbers = itertools.count(1)


def signal(**changes):
    """A good one; a change to ... leaves the field out."""
    fields = {
        "threat_type": "bot_traffic",
        "customer_id": "acme",
        "customer_name": "Acme Shop",
        "source_ip": "45.83.12.7",
        "user_agent": "python-requests/2.31.0",
        "request_count": 5000,
        "time_window_minutes": 5,
        "raw_data": {"service": "http", "distinct_paths": 40},
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not ...}


def fresh_customer(prefix="customer"):
    return f"{prefix}-{next(_numbers)}"


def varied(count, customer_id="acme"):
    """`count` signals of all types from many addresses."""
    return [
        signal(
            threat_type=TYPES[i % len(TYPES)],
            customer_id=f"{customer_id}-{i % 7}",
            customer_name=f"Customer number {i % 7}",
            source_ip=f"45.83.{i // 250 % 250}.{i % 250 + 1}" if i % 5 else f"2a01:4f8::{i + 1:x}",
            request_count=100 + 37 * i,
            raw_data={"number": i, "service": "http", "sample_paths": ["/login", "/search?q=boots"]},
        )
        for i in range(count)
    ]


def real():
    return [json.loads(line) for line in REAL.read_text().splitlines()]
