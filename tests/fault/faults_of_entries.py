"""Faults of what lies in the stream: too large, trimmed or deleted under the workers, a poisoned clock, consumers that
are none, the same signal many times at once."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time

import evidence
from fleet import Fleet
from processes import REPOSITORY, TIME_SCALE, wait_until
from sample_signals import signal, varied
from trial import Trial, settle, wait_flowing, wall_ms

FAR_FUTURE = "9999999999999"
XADD_P99_US = 1000 * TIME_SCALE
POST_P99_MS = 50 * TIME_SCALE
REAPED_WITHIN_S = 90


def injected_entry(size):
    """an entry far over every limit, put into the stream by hand"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault():
            for _ in range(size["entries"]):
                fleet.store.xadd(evidence.STREAM, {"v": "1", "id": "no-uuid", "signal": "x" * size["bytes"], "received_at": "1"})
            wait_until(lambda: fleet.store.xlen(evidence.DEAD) >= size["entries"], 30, "the entries are dead letters")
        kept = max(fleet.store.memory_usage(evidence.DEAD, samples=0) or 0, 0)
        trial.claim(kept < size["bytes"], "I5", f"the dead letters keep {kept} bytes")
        return trial.finish()


def huge_requests(size):
    """bodies over the limit, chunked without end, and requests that trickle in"""
    with Fleet(apis=1, workers=1, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault(), contextlib.ExitStack() as stack:
            for bytes_ in (256 * 1024 + 1, size["bytes"]):
                answer = declared_body(fleet.api, bytes_)
                trial.claim(answer.startswith(b"HTTP/1.1 413"), "I5", f"{bytes_} bytes: {answer[:40]}")
            sent, answer = endless_chunks(fleet.api, size["bytes"])
            trial.claim(sent < size["bytes"], "I5", f"{sent} bytes of chunks were taken")
            tricklers = [stack.enter_context(socket.create_connection(("127.0.0.1", fleet.api.port))) for _ in range(size["tricklers"])]
            for _ in range(size["trickles"]):
                for one in tricklers:
                    with contextlib.suppress(OSError):
                        one.sendall(b"X")
                time.sleep(0.05)
            trial.claim(fleet.api.status("/health") == 200, "I6", "the API does not answer beside slow requests")
        return trial.finish()


def declared_body(api, bytes_):
    """Says how much will come, sends some of it, reads the answer."""
    head = f"POST /api/threats HTTP/1.1\r\nHost: soc\r\nContent-Type: application/json\r\nContent-Length: {bytes_}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(head.encode())
        with contextlib.suppress(OSError):
            for _ in range(0, bytes_, 65536):
                connection.sendall(b" " * 65536)
        with contextlib.suppress(OSError):
            return connection.recv(65536)
    return b""


def endless_chunks(api, most):
    head = b"POST /api/threats HTTP/1.1\r\nHost: soc\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk, sent = b"10000\r\n" + b" " * 65536 + b"\r\n", 0
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(head)
        try:
            while sent < most:
                connection.sendall(chunk)
                sent += 65536
            return sent, connection.recv(65536)
        except OSError:
            return sent, b""


def counted_truth(store):
    """What is outstanding, by counting: (entries that are there, with those of the group that were deleted)."""
    (group,) = store.xinfo_groups(evidence.STREAM)
    unread = len(store.xrange(evidence.STREAM, "(" + group["last-delivered-id"], "+"))
    pending = store.xpending_range(evidence.STREAM, evidence.GROUP, "-", "+", 100_000)
    there = sum(bool(store.xrange(evidence.STREAM, row["message_id"], row["message_id"])) for row in pending)
    return unread + there, unread + len(pending)


def check_backlog(trial, when):
    told = trial.fleet.api.get("/api/backlog").json()
    least, most = counted_truth(trial.fleet.store)
    words = f"{when}: told {told['outstanding']} (exact: {told['outstanding_exact']}), truth {least} to {most}"
    good = told["outstanding"] >= least and (not told["outstanding_exact"] or told["outstanding"] <= most)
    trial.claim(good, "I4", words)


def trimmed_under_workers(size):
    """XDEL of pending and of unread entries, then XTRIM MAXLEN 0, while workers hold entries"""
    with Fleet(apis=1, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        store = fleet.store
        for _ in range(size["times"]):
            trial.sampler.paused = True
            for worker in fleet.workers:
                worker.terminate()
            trial.produce(count=size["signals"], batch=100, connections=2).wait_accepted(size["signals"])
            with trial.fault():
                reader = "a-worker-that-was"
                taken = store.xreadgroup(evidence.GROUP, reader, {evidence.STREAM: ">"}, count=40)[0][1]
                check_backlog(trial, "before")
                store.xdel(evidence.STREAM, *(entry for entry, _ in taken[::2]))
                check_backlog(trial, "pending entries deleted")
                unread = store.xrange(evidence.STREAM, "(" + taken[-1][0], "+", count=20)
                store.xdel(evidence.STREAM, *(entry for entry, _ in unread))
                check_backlog(trial, "unread entries deleted")
                store.xtrim(evidence.STREAM, maxlen=0, approximate=False)
                check_backlog(trial, "all trimmed")
                trial.may_lose.append((0, wall_ms()))
                trial.note_owner_loss(reader, wall_ms())
                for worker in fleet.workers:
                    worker.start()
                for worker in fleet.workers:
                    worker.wait_ready()
                wait_until(lambda: store.xpending(evidence.STREAM, evidence.GROUP)["pending"] == 0, 20, "the deleted entries leave the group")
            trial.produce(count=200, rate=1000)
            wait_until(lambda: all(producer.ended() for producer in trial.producers), 20, "more signals are sent")
            trial.wait_idle()
            check_backlog(trial, "after")
        return trial.finish()


def poisoned_clock(size):
    """an entry with an id of the year 2286: no later one can have an earlier id"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault():
            fleet.store.xadd(evidence.STREAM, {"v": "1", "id": "x"}, id=f"{FAR_FUTURE}-0")
            wait_until(lambda: fleet.store.xlen(evidence.DEAD) >= 1, 20, "the entry is a dead letter")
        wait_flowing(trial)
        told = [api.get("/api/backlog").json() for api in fleet.apis]
        code, words = doctor(fleet, "--json")
        trial.claim(code == 2 and "stream-clock-ahead" in words, "I4", "the doctor does not tell of the clock")
        ages = [one[name] for one in told for name in ("oldest_waiting_seconds", "oldest_pending_seconds")]
        trial.claim(all(age is None or 0 <= age < 3600 for age in ages), "I4", f"ages {ages}")
        return trial.finish()


def doctor(fleet, *options):
    """(exit code, its words)"""
    words = [sys.executable, "-B", REPOSITORY / "scripts/doctor", "--url", fleet.redis_url, "--look", "0.2", *options]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def group_skips_entries(size):
    """an operator makes the group again at $: the doctor tells what was skipped, and queues it again"""
    with Fleet(apis=1, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        for _ in range(size["times"]):
            trial.wait_idle()
            for worker in fleet.workers:
                worker.terminate()
            trial.produce(count=size["signals"], batch=100, connections=2).wait_accepted(size["signals"])
            trial.sampler.paused = True
            with trial.fault():
                fleet.store.xgroup_destroy(evidence.STREAM, evidence.GROUP)
                fleet.store.xgroup_create(evidence.STREAM, evidence.GROUP, "$")
                code, told = doctor(fleet, "--json")
                trial.claim(code == 2 and "skipped-entries" in told, "I1", f"the doctor said nothing of skipped entries ({code})")
                trial.claim(str(size["signals"]) in told, "I1", "the doctor does not tell how many were skipped")
                code, told = doctor(fleet, "--replay-skipped")
                trial.claim(code == 0 and told.startswith(f"{size['signals']} skipped entries"), "I1", f"the doctor did not queue them again: {told}")
                trial.queued_again += size["signals"]
                for worker in fleet.workers:
                    worker.start()
        return trial.finish()


def crowd_of_consumers(size):
    """thousands of stale consumers in the group, thousands of clients blocked on the stream"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault(), contextlib.ExitStack() as stack:
            for number in range(size["stale"]):
                fleet.store.xgroup_createconsumer(evidence.STREAM, evidence.GROUP, f"stale-{number}")
            for _ in range(size["blocked"]):
                one = stack.enter_context(socket.socket(socket.AF_UNIX))
                one.connect(str(fleet.redis.socket_path))
                one.sendall(f"XREAD BLOCK 0 STREAMS {evidence.STREAM} {FAR_FUTURE}-0\r\n".encode())
            evidence.forget_latencies(fleet.store)
            p99 = post_p99_ms(fleet.api, 300)
            added = evidence.percentile_us(fleet.store, "xadd", 99)
            trial.claim(added is not None and added <= XADD_P99_US, "I6", f"XADD p99 {added} µs")
            trial.claim(p99 <= POST_P99_MS, "I6", f"POST p99 {p99:.1f} ms beside {size['blocked']} blocked clients")
            most = len(fleet.workers) + 5
            wait_until(lambda: len(fleet.store.xinfo_consumers(evidence.STREAM, evidence.GROUP)) <= most, REAPED_WITHIN_S,
                       "stale consumers are removed")
        return trial.finish()


def post_p99_ms(api, count):
    took = []
    for row in varied(count):
        began = time.monotonic()
        assert api.post("/api/threats", row).status_code == 202
        took.append((time.monotonic() - began) * 1000)
    return sorted(took)[int(0.99 * count)]


def same_signal_at_once(size):
    """the same signal and Idempotency-Key a hundred times at once, over all APIs, while Redis is killed"""
    with Fleet(apis=2, workers=2, redis_options=("--appendfsync", "always"), SOC_RETENTION_THREATS=0) as fleet:
        with Trial(fleet, rest_s=size["rest_s"]) as trial:
            settle(trial)
            trial.connections_lost = True
            trial.produce(rate=size["rate"])
            wait_flowing(trial)
            wrong = []
            for number in range(size["keys"]):
                killer = threading.Timer(0.002, fleet.redis.kill) if number == size["keys"] // 2 else None
                answers = post_together(fleet, f"same-{number}", size["copies"], killer)
                if killer:
                    killer.join()
                    with trial.fault():
                        trial.sampler.paused = True
                        fleet.redis.start()
                    for program in fleet.programs:
                        program.wait_ready()
                    trial.sampler.paused = False
                    answers += post_together(fleet, f"same-{number}", size["copies"], None)
                ids = {json.loads(body)["id"] for status, body in answers if status == 202}
                if len(ids) != 1 or any(status not in (202, 503, 0) for status, _ in answers):
                    wrong.append((number, sorted(ids), sorted({status for status, _ in answers})))
            trial.claim(not wrong, "I1", f"keys with other than one id: {wrong[:3]}")
            return trial.finish()


def post_together(fleet, key, copies, killer):
    """Opens all connections, then sends on all; (status, body) of each, status 0 when nothing came."""
    body = json.dumps(signal()).encode()
    head = f"POST /api/threats HTTP/1.1\r\nHost: soc\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
    request = head.encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body
    with contextlib.ExitStack() as stack:
        ends = [stack.enter_context(socket.create_connection(("127.0.0.1", fleet.apis[i % len(fleet.apis)].port), timeout=20))
                for i in range(copies)]
        if killer:
            killer.start()
        for one in ends:
            one.sendall(request)
        return [read_answer(one) for one in ends]


def read_answer(one):
    received = b""
    with contextlib.suppress(OSError):
        while piece := one.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return (int(head.split()[1]), body) if head else (0, b"")
