"""However much goes wrong, the log stays readable, and nobody waits for whoever reads it."""

import fcntl
import json
import os
import socket
import time
import uuid

import pytest

from fleet import Fleet
from processes import wait_until
from raw_http import post
from sample_signals import signal, varied
from steps import completed

MANY = 10_000


def pipelined(api, request, count):
    """Sends the request again and again over one connection; how many answers had which status."""
    found, received, sent = {}, b"", 0
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        while sum(found.values()) < count:
            if sent < count and sent - sum(found.values()) < 200:
                burst = min(100, count - sent)
                connection.sendall(request * burst)
                sent += burst
                continue
            piece = connection.recv(1 << 20)
            assert piece, f"closed after {found} of {count}"
            *answers, received = (received + piece).split(b"HTTP/1.1 ")
            for answer in answers:
                if answer:
                    found[int(answer[:3])] = found.get(int(answer[:3]), 0) + 1
            if sum(found.values()) == count - 1 and received.rstrip().endswith(b"}"):
                found[int(received[:3])] = found.get(int(received[:3]), 0) + 1
    return found


def rows(program, message):
    return [row for row in program.logged() if row["message"] == message]


def told(found):
    """The lines that were written, and those that they say were not."""
    return sum(row.get("left_out", 0) for row in found) + len([row for row in found if "duration_ms" in row or "entry" in row])


def test_ten_thousand_refused_requests_at_debug_are_a_line_a_second():
    with Fleet(apis=1, workers=0, LOG_LEVEL="debug") as fleet:
        body = json.dumps(signal(source_ip="nowhere")).encode()
        started = time.monotonic()
        assert pipelined(fleet.api, post("/api/threats", body, "Content-Type: application/json"), MANY) == {422: MANY}
        lasted = time.monotonic() - started
        found = lambda: rows(fleet.api, "request refused")
        wait_until(lambda: told(found()) == MANY, 10, "all are told or counted")
        assert len(found()) <= lasted + 2
        assert {(row["route"], row["status"]) for row in found()} == {("POST /api/threats", 422)}


def test_without_redis_both_programs_say_so_and_little_more():
    with Fleet(apis=1, workers=1, LOG_LEVEL="debug") as fleet:
        completed(fleet.api)
        before = {program.name: len(program.logged()) for program in fleet.programs}
        fleet.redis.kill()
        started = time.monotonic()
        for program in fleet.programs:
            wait_until(lambda: program.status("/ready") == 503, 20, "it is noticed")
        body = json.dumps(signal()).encode()
        request = post("/api/threats", body, "Content-Type: application/json")
        assert pipelined(fleet.api, request, MANY) == {503: MANY}
        bad = post("/api/threats", b"{", "Content-Type: application/json")
        assert set(pipelined(fleet.api, bad, MANY)) <= {422, 503}
        wait_until(lambda: told(rows(fleet.api, "request failed")) + told(rows(fleet.api, "request refused")) == 2 * MANY, 10, "all are told or counted")
        lasted = time.monotonic() - started
        for program in fleet.programs:
            new = program.logged()[before[program.name] :]
            kinds = {(row["message"], row.get("connection"), row.get("reason"), row.get("status")) for row in new}
            assert any(row["message"] == "redis is down" for row in new)
            assert len(new) <= len(kinds) * (lasted + 2), f"{program.name}: {len(new)} lines of {len(kinds)} kinds in {lasted:.1f} s"
            assert len(new) < 100
        fleet.redis.start()
        for program in fleet.programs:
            program.wait_ready()


def test_two_thousand_bad_entries_are_a_line_a_second_and_all_counted():
    with Fleet(apis=1, workers=1) as fleet:
        started = time.monotonic()
        pipe = fleet.store.pipeline(transaction=False)
        for _ in range(2000):
            pipe.xadd("threats:stream", {"v": "1", "id": str(uuid.uuid4()), "signal": "{", "received_at": "1763696000123"})
        pipe.execute()
        found = lambda: rows(fleet.workers[0], "entry moved to the dead letters")
        wait_until(lambda: told(found()) == 2000, 30, "all are told or counted")
        assert len(found()) <= time.monotonic() - started + 2
        assert fleet.store.xlen("threats:dead") == 2000


def test_what_was_left_out_is_told_at_the_end_of_the_program():
    with Fleet(apis=1, workers=0, LOG_LEVEL="debug") as fleet:
        for _ in range(50):
            fleet.api.get("/nothing")
        assert fleet.api.terminate() == 0
        assert told(rows(fleet.api, "request refused")) == 50
        assert fleet.api.logged()[-1]["message"] == "stopped"


# --- nobody reads


def start_into_full_pipe(fleet, name, start):
    """Its stdout is a pipe that holds 4 KiB and has a reader that does not read."""
    path = fleet.folder / f"{name}.1.out"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    program = start()
    path.unlink()
    path.write_bytes(b"")  # for whoever wants to look at its output
    return program, reader


def whole_lines(reader):
    """What the pipe holds, and then what comes, up to the end of the writer."""
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as stream:
        return [json.loads(line) for line in stream]


@pytest.mark.parametrize("lines", ["few", "many"])
def test_a_pipe_that_nobody_reads_stops_nobody(lines):
    with Fleet(apis=0, workers=0, LOG_LEVEL="debug" if lines == "many" else "info") as fleet:
        api, api_end = start_into_full_pipe(fleet, "api0", fleet.add_api)
        worker, worker_end = start_into_full_pipe(fleet, "worker0", fleet.add_worker)
        for program in (api, worker):
            program.wait_ready()
        assert api.post("/api/threats/batch", varied(500)).status_code == 202
        fleet.wait_completed(500)  # whoever waits for the pipe never does
        assert api.post_signal(signal(), Prefer="wait=20").status_code == 200
        if lines == "many":
            assert worker.metric("soc_log_lines_dropped_total") > 400
            for path in [f"/nothing/{number}" for number in range(3)]:
                assert api.get(path).status_code == 404
        else:
            assert worker.metric("soc_log_lines_dropped_total") == 0
        for program in (api, worker):
            assert program.terminate() == 0, "it stops as ever"
        for reader in (api_end, worker_end):
            read = whole_lines(reader)  # each is JSON: no line was cut in two
            assert read[0]["message"] in ("started", "redis is up")
