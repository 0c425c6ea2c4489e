"""Redis that has lost its scripts (SCRIPT FLUSH) is told them again, and whoever called one does not notice."""

import pytest

from fleet import Fleet
from processes import wait_until
from sample_signals import signal, varied
from steps import completed, post
from test_dead_letters import fail
from test_incidents import incident
from test_infra_events import event

CUSTOMER = {"name": "Forgotten Ltd", "tier": "standard"}


@pytest.fixture(scope="module")
def failed():
    """A fleet with a failed threat, a finished one, and the ids of both."""
    with Fleet(apis=1, workers=0, SOC_HEARTBEAT_MS=50, SOC_SUSPECT_MS=200) as fleet:
        bad = post(fleet.api)
        fail(fleet, bad)
        fleet.add_worker().wait_ready()
        wait_until(lambda: fleet.api.get(f"/api/threats/{bad}").json()["status"] == "failed", 20, "it is buried")
        (letter,) = fleet.api.get("/api/dead-letters").json()
        yield fleet, {"letter": letter["id"], "threat": completed(fleet.api)["id"]}


CALLS = {
    "a signal": ("POST", "/api/threats", signal(), 202),
    "a batch": ("POST", "/api/threats/batch", varied(3), 202),
    "a verdict": ("POST", "/api/threats/{threat}/verdict", {"verdict": "false_positive"}, 200),
    "incidents": ("POST", "/api/incidents", [incident(), incident()], 200),
    "a customer": ("PUT", "/api/customers/forgotten", CUSTOMER, 201),
    "the customers": ("GET", "/api/customers", None, 200),
    "infra events": ("POST", "/api/infra-events", [event()], 201),
    "a list": ("POST", "/api/intel/indicators?list=forgotten&source=us&category=blocklist", b"203.0.113.0/24\n", 200),
    "a replay": ("POST", "/api/dead-letters/{letter}/replay", None, 200),
    "the backlog": ("GET", "/api/backlog", None, 200),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_does_not_notice(failed, name):
    fleet, ids = failed
    method, path, body, status = CALLS[name]
    options = {"data": body, "headers": {"Content-Type": "text/plain"}} if isinstance(body, bytes) else {"json": body}
    fleet.store.script_flush()
    answer = fleet.api.http.request(method, fleet.api.url + path.format(**ids), timeout=20, **options)
    assert answer.status_code == status, answer.text
