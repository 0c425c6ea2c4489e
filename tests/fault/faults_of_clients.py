"""Faults of WebSocket clients: some that read slowly or never, and a crowd that comes back at once."""

import contextlib
import socket
import threading
import time

import evidence
from auditor import quantile
from fleet import Fleet
from live_client import CLOSE, TOO_SLOW, RawWebSocket
from observers import Crowd
from processes import TIME_SCALE, wait_until
from trial import Trial, settle, wait_flowing, wall_ms

SLOW_BYTES_PER_S = 1024
SLOW_STEP_S = 0.25
CLOCK_MS = 20 * TIME_SCALE  # a watcher looks as often
RESUMED_WITHIN_S = 5 * TIME_SCALE
RESUMED_SHARE = 0.99
PAGES_SHARED, PAGES = 0.01, 50  # those that come back share the pages of the log


class SlowReader(threading.Thread):
    """Reads 1 KB/s of each of its sockets."""

    def __init__(self, sockets):
        super().__init__(daemon=True)
        self.sockets = sockets
        self.enough = threading.Event()

    def run(self):
        while not self.enough.wait(SLOW_STEP_S):
            for one in self.sockets:
                with contextlib.suppress(OSError):
                    one.socket.recv(int(SLOW_BYTES_PER_S * SLOW_STEP_S), socket.MSG_DONTWAIT)


def slow_readers(size):
    """one in a hundred WebSocket clients never reads, one in ten reads 1 KB/s, the rest are unharmed"""
    settings = {"SOC_WS_QUEUE_BYTES": size["queue_bytes"], "SOC_RETENTION_THREATS": 0}
    with Fleet(apis=1, workers=2, **settings) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        with Crowd(fleet.folder, fleet.api, size["clients"] * 89 // 100) as crowd, contextlib.ExitStack() as stack:
            quiet_ms = wall_ms()
            settle(trial, count=size["signals"] // 4, rate=size["rate"])
            never = [stack.enter_context(RawWebSocket(fleet.api, 4096)) for _ in range(max(size["clients"] // 100, 1))]
            slow = [stack.enter_context(RawWebSocket(fleet.api, 4096)) for _ in range(size["clients"] // 10)]
            reader = SlowReader(slow)
            with trial.fault():
                begun_ms = wall_ms()
                reader.start()
                trial.produce(count=size["signals"], rate=size["rate"])
                dropped = len(never) + len(slow)
                wait_until(lambda: (fleet.api.metric("soc_websocket_dropped_total", reason="slow") or 0) >= dropped, 90,
                           "the slow ones are cut")
            reader.enough.set()
            reader.join()
            codes = {close_code(one) for one in never}
            trial.claim(codes <= {TOO_SLOW, None}, "I7", f"those that never read were closed with {codes}")
            wait_until(lambda: all(producer.ended() for producer in trial.producers), 300, "the signals are sent")
            heard = crowd.finish()
            trial.claim(heard["closed"] == 0, "I7", f"{heard['closed']} good clients were cut")
        trial.finish()
        before = quantile(evidence.read_delays(trial.watchers.log_path, quiet_ms, begun_ms), 0.99)
        beside = quantile(evidence.read_delays(trial.watchers.log_path, since_ms=begun_ms), 0.99)
        trial.claim(beside <= 1.1 * before + CLOCK_MS, "I7", f"p99 of the others was {before} ms, and {beside} ms beside slow ones")
        return trial


def close_code(one):
    """What a client finds in the end; None when its connection was cut first (its queue was full to the last byte)."""
    try:
        while True:
            opcode, payload = one.read_frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], "big")
    except (OSError, EOFError):
        return None


def reconnect_storm(size):
    """a pod with many WebSocket clients is killed: all come back at once and resume"""
    with Fleet(apis=2, workers=2, SOC_RETENTION_THREATS=0) as fleet:
        with Trial(fleet, rest_s=size["rest_s"], watch_each=size["clients"]) as trial:
            settle(trial, count=size["rate"], rate=size["rate"])  # each event goes to everyone: 5 KB times the crowd
            trial.produce(rate=size["rate"], apis=fleet.apis[1:])
            wait_flowing(trial)
            with trial.fault():
                fleet.api.kill()
                fleet.api.start().wait_ready(60)
            began, read_before = time.monotonic(), evidence.calls(fleet.store, "xrange")
            enough = RESUMED_SHARE * size["clients"]
            wait_until(lambda: trial.watchers.came_back(0) >= enough, 60, "the clients are back")
            took_s = time.monotonic() - began
            trial.claim(took_s <= RESUMED_WITHIN_S, "I7", f"{RESUMED_SHARE:.0%} of the clients were back after {took_s:.1f} s")
            read = evidence.calls(fleet.store, "xrange") - read_before
            trial.claim(read <= PAGES_SHARED * size["clients"] + PAGES, "I7", f"{read} XRANGE for {size['clients']} clients")
            wait_flowing(trial)
            return trial.finish()
