"""Faults of APIs: killed between Redis' answer and the client's, and clients that speak something else."""

import contextlib
import random
import resource
import socket
import time

import evidence
from fleet import Fleet
from live_client import RawWebSocket, frame
from processes import wait_until
from tcp_proxy import TO_CLIENT, TcpProxy
from trial import Trial, settle, wait_flowing

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
RESETS = 1000
BAD_UPGRADES = [
    b"GET /ws HTTP/1.1\r\nHost: soc\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: soc\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    b"GET /ws HTTP/1.0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: soc\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
]
BAD_FRAMES = [
    frame(1, b"unmasked", masked=False),
    frame(3, b"reserved opcode"),
    frame(1, b"reserved bit", rsv=4),
    frame(0, b"a continuation of nothing"),
    frame(9, b"x" * 126),
    frame(9, b"x", fin=False),
    frame(1, b"\xff\xfe"),
    frame(8, b"\x03"),
]
ENDLESS_FRAME = b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"  # 2^63 - 1 bytes are announced, and never come


def killed_before_answering(size):
    """kill -9 of an API while Redis' answers to it are on their way; clients send again with the same key"""
    dice = random.Random(size["seed"])
    with Fleet(apis=2, workers=2, over_tcp=True, SOC_RETENTION_THREATS=0) as fleet, TcpProxy(fleet.redis.port) as proxy:
        victim = fleet.api
        assert victim.terminate() == 0
        victim.environment["REDIS_URL"] = proxy.url
        victim.start().wait_ready()
        with Trial(fleet, rest_s=size["rest_s"]) as trial:
            settle(trial)
            trial.produce(rate=size["rate"], connections=64)
            wait_flowing(trial)
            for number in range(size["kills"]):
                with trial.fault():
                    if number % 2 == 0:
                        added = fleet.redis.entries_added()
                        proxy.hold(TO_CLIENT)  # Redis does it, the API never hears of it
                        wait_until(lambda: fleet.redis.entries_added() > added + 10, 10, "signals reach Redis")
                    time.sleep(dice.uniform(0, 0.05))
                    victim.kill()
                    trial.figures.kills += 1
                    proxy.let_go()
                    victim.start().wait_ready()
                wait_flowing(trial, 0.2)
            trial.finish()
            trial.claim(trial.figures.unknown > 0, "I1", "no client was left without an answer")
            keys = {(answer.producer, answer.number) for producer in trial.producers for answer in producer.answers() if answer.status == 202}
            added = fleet.redis.entries_added()
            trial.claim(added == len(keys), "I2", f"{added} entries for {len(keys)} keys")
            return trial


def other_protocols(size):
    """HTTP/2, bad upgrades, bad frames, connections that say nothing"""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Fleet(apis=1, workers=1, SOC_RETENTION_THREATS=0) as fleet, Trial(fleet, rest_s=size["rest_s"]) as trial:
        settle(trial)
        trial.produce(rate=size["rate"])
        wait_flowing(trial)
        with trial.fault(), contextlib.ExitStack() as stack:
            for _ in range(size["idle"]):
                stack.enter_context(socket.create_connection(("127.0.0.1", fleet.api.port)))
            trial.claim(fleet.api.status("/health") == 200, "I6", "no answer beside idle connections")
            for _ in range(size["times"]):
                for words in [PREFACE + SETTINGS, PREFACE + SETTINGS + rapid_resets(), *BAD_UPGRADES]:
                    said = say(fleet.api, words)
                    switched = said.startswith(b"HTTP/1.1 101") or said[3:4] == b"\x04"
                    trial.claim(not switched, "I7", f"{words[:60]} was answered {said[:40]}")
                stack.enter_context(RawWebSocket(fleet.api)).socket.sendall(ENDLESS_FRAME)
                for bad in BAD_FRAMES:
                    with RawWebSocket(fleet.api) as one, contextlib.suppress(OSError, EOFError):
                        one.socket.settimeout(1)
                        one.socket.sendall(bad)
                        one.read_close_code()
        trial.claim(fleet.api.alive(), "I6", "the API ended")
        return trial.finish()


def rapid_resets():
    """HEADERS and RST_STREAM, again and again (HTTP/2 frames)."""
    headers = b"\x82\x86\x84\x41\x01x"
    streams = range(1, 2 * RESETS, 2)
    return b"".join(
        len(headers).to_bytes(3, "big") + b"\x01\x05" + id_.to_bytes(4, "big") + headers
        + b"\x00\x00\x04\x03\x00" + id_.to_bytes(4, "big") + b"\x00\x00\x00\x08" for id_ in streams
    )


def say(api, words):
    with socket.create_connection(("127.0.0.1", api.port), timeout=5) as connection, contextlib.suppress(OSError):
        connection.sendall(words)
        return connection.recv(65536)
    return b""
