"""Metrics about the group and about what threats meet: absent, not 0, when nobody knows; late when they are late."""

import json
import time
import uuid

from fleet import Fleet
from processes import wait_until
from sample_signals import signal
from steps import completed

DAY_MS = 24 * 3600 * 1000
OF_THE_GROUP = [
    *("soc_stream_length", "soc_stream_lag", "soc_stream_pending", "soc_stream_oldest_seconds", "soc_stream_consumers"),
    *("soc_outstanding", "soc_required_workers", "soc_entries_received", "soc_entries_completed", "soc_entries_unaccounted"),
    "soc_redis_memory_used_bytes",
]


def known(api):
    return [name for name in OF_THE_GROUP if api.metric(name) is not None]


def test_what_nobody_knows_is_absent_while_redis_is_away():
    with Fleet(apis=1, workers=1) as fleet:
        wait_until(lambda: known(fleet.api) == OF_THE_GROUP, 20, "all figures are there")
        assert fleet.api.metric("soc_stream_lag_valid") == 1
        fleet.redis.kill()
        wait_until(lambda: known(fleet.api) == [], 20, "no figure is shown that is not known")
        assert fleet.api.metric("soc_stream_lag_valid") == 0
        assert fleet.api.metric("soc_redis_up") == 0
        fleet.redis.start()
        wait_until(lambda: known(fleet.api) == OF_THE_GROUP, 20, "all figures are there again")


def test_a_lag_that_redis_lost_is_absent_and_work_is_still_counted():
    with Fleet(apis=1, workers=0) as fleet:
        assert fleet.api.post("/api/threats/batch", [signal() for _ in range(5)]).status_code == 202
        fleet.store.xgroup_create("threats:stream", "soc-workers", "0")
        wait_until(lambda: fleet.api.metric("soc_stream_lag") == 5, 20, "the lag is known")
        fleet.store.xdel("threats:stream", fleet.store.xrange("threats:stream")[2][0])
        wait_until(lambda: fleet.api.metric("soc_stream_lag") is None, 20, "the lag is not known")
        assert fleet.api.metric("soc_stream_lag_valid") == 0
        assert fleet.api.metric("soc_outstanding") == 4
        assert fleet.api.metric("soc_outstanding_exact") == 0
        assert fleet.api.metric("soc_required_workers") >= 1


def late(worker):
    return sum(worker.metric("soc_threats_late_total", severity=word) for word in ("low", "medium", "high", "critical"))


def test_a_threat_that_waited_for_a_day_is_late():
    with Fleet(apis=1, workers=1) as fleet:
        worker = fleet.workers[0]
        done = completed(fleet.api)
        assert sum(worker.metric("soc_response_actions_total", action_type=word) or 0 for word in action_types(done)) == len(actions(done))
        assert late(worker) == 0
        received_ms = int(time.time() * 1000) - DAY_MS
        entry = {"v": "1", "id": str(uuid.uuid4()), "signal": json.dumps(signal()), "received_at": received_ms}
        fleet.store.xadd("threats:stream", entry)
        wait_until(lambda: late(worker) == 1, 20, "the threat is counted as late")
        waited = worker.metric("soc_threat_processing_duration_seconds_bucket", phase="total", le="900")
        assert waited == worker.metric("soc_threat_processing_duration_seconds_count", phase="total") - 1


def actions(analysis):
    plan = analysis["response_plan"]
    return [plan["primary_action"], *plan.get("secondary_actions", [])]


def action_types(analysis):
    return {row["action_type"] for row in actions(analysis)}
