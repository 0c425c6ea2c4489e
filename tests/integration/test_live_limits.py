"""/ws: frames that break rules, who may come in, and what becomes of idle, slow and vanished clients."""

import signal as signals

import pytest

import raw_http
from contract import check_problem
from fleet import Fleet
from live_client import BINARY, CLOSE, PING, PONG, TEXT, LiveClient, RawWebSocket, handshake_headers
from processes import wait_until
from sample_signals import signal, varied
from steps import post, told_ids, wait_told

TALK_LIMIT = 16 * 1024


# --- frames that break rules


def test_binary_is_closed_with_1003(api):
    with RawWebSocket(api) as client:
        client.send_frame(BINARY, b"\x00\x01")
        assert client.read_close_code() == 1003


@pytest.mark.parametrize("size", [TALK_LIMIT + 1, 200_000])
def test_an_oversize_message_is_closed_with_1009(api, size):
    with RawWebSocket(api) as client:
        client.send_frame(TEXT, b" " * size)
        assert client.read_close_code() == 1009


def test_an_oversize_message_in_fragments_is_closed_with_1009(api):
    with RawWebSocket(api) as client:
        client.send_frame(TEXT, b"x" * 9000, fin=False)
        client.send_frame(0, b"x" * 9000)
        assert client.read_close_code() == 1009


def test_a_message_at_the_limit_is_read(api):
    with RawWebSocket(api) as client:
        text = b'{"type":"ping"}'
        client.send_frame(TEXT, text + b" " * (TALK_LIMIT - len(text)))
        while b'"pong"' not in client.read_until(TEXT):
            pass


RULE_BREAKERS = {
    "unmasked": (lambda client: client.send_frame(TEXT, b'{"type":"ping"}', masked=False), 1002),
    "reserved bit": (lambda client: client.send_frame(TEXT, b"{}", rsv=4), 1002),
    "reserved opcode": (lambda client: client.send_frame(3, b"{}"), 1002),
    "continuation of nothing": (lambda client: client.send_frame(0, b"{}"), 1002),
    "control frame in fragments": (lambda client: client.send_frame(PING, b"", fin=False), 1002),
    "control frame too long": (lambda client: client.send_frame(PING, b"x" * 126), 1002),
    "bad UTF-8": (lambda client: client.send_frame(TEXT, b"\xff\xfe"), 1007),
    "close of one byte": (lambda client: client.send_frame(CLOSE, b"\x03"), 1002),
}


@pytest.mark.parametrize("name", RULE_BREAKERS)
def test_broken_frames_close_their_connection_only(api, name):
    act, code = RULE_BREAKERS[name]
    with LiveClient(api) as neighbour, RawWebSocket(api) as client:
        act(client)
        assert client.read_close_code() == code
        neighbour.send({"type": "ping"})
        neighbour.wait_for("pong")


def test_a_close_is_answered_with_its_code(api):
    with RawWebSocket(api) as client:
        client.send_frame(CLOSE, (1000).to_bytes(2, "big"))
        assert client.read_close_code() == 1000


def test_a_ping_between_fragments_is_answered_first(api):
    with RawWebSocket(api) as client:
        client.send_frame(TEXT, b'{"type":', fin=False)
        client.send_frame(PING, b"here?")
        assert client.read_until(PONG) == b"here?"
        client.send_frame(0, b'"ping"}')
        while b'"pong"' not in client.read_until(TEXT):
            pass


# --- who may come in


def shake(api, **changes):
    headers = handshake_headers(f"127.0.0.1:{api.port}", **changes)
    text = "GET /ws HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    return raw_http.exchange(api, text.encode())


def problem_of(answer, status):
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "http://127.0.0.1:1"])
def test_a_foreign_origin_is_refused(api, origin):
    problem_of(shake(api, Origin=origin), 403)


def test_the_own_origin_and_none_come_in(api):
    for options in ({}, {"origin": f"http://127.0.0.1:{api.port}"}):
        with LiveClient(api, **options) as client:
            client.wait_for("initial_batch")


def test_allowed_origins_are_a_setting():
    with Fleet(apis=1, workers=0, SOC_ALLOWED_ORIGINS="https://soc.example,https://other.example") as fleet:
        for origin in ("https://soc.example", "https://other.example"):
            with LiveClient(fleet.api, origin=origin) as client:
                client.wait_for("initial_batch")
        problem_of(shake(fleet.api, Origin="https://evil.example"), 403)


@pytest.mark.parametrize("changes", [{"Sec_WebSocket_Version": "12"}, {"Sec_WebSocket_Version": None}, {"Upgrade": None}, {"Upgrade": "h2c"}])
def test_what_is_not_a_handshake_of_version_13_is_426(api, changes):
    answer = problem_of(shake(api, **changes), 426)
    assert answer.headers["Sec-WebSocket-Version"] == "13"


def test_a_plain_get_is_426(api):
    answer = api.get("/ws")
    check_problem(answer, 426)
    assert answer.headers["Sec-WebSocket-Version"] == "13"


@pytest.mark.parametrize("key", [None, "", "short", "x" * 24, "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==="])
def test_a_bad_key_is_400(api, key):
    problem_of(shake(api, Sec_WebSocket_Key=key), 400)


# --- idle, slow and many


def test_an_idle_client_is_pinged_and_a_dead_one_cut():
    with Fleet(apis=1, workers=0, SOC_WS_PING_SECONDS=1) as fleet:
        with LiveClient(fleet.api) as living, RawWebSocket(fleet.api) as dead:
            assert dead.read_until(TEXT)
            while dead.read_frame()[0] != PING:
                pass
            wait_until(lambda: fleet.api.metric("soc_active_websocket_connections") == 1, 20, "the dead client is cut")
            assert fleet.api.metric("soc_websocket_dropped_total", reason="no_pong") == 1
            living.send({"type": "ping"})
            living.wait_for("pong")


def test_a_slow_client_is_closed_with_1013_while_others_go_on():
    with Fleet(apis=1, workers=2, SOC_WS_QUEUE_BYTES=262144, SOC_RETENTION_THREATS=0) as fleet:
        with LiveClient(fleet.api) as quick, RawWebSocket(fleet.api, receive_buffer=4096) as slow:
            quick.wait_for("initial_batch")
            ids = []

            def dropped():
                ids.extend(fleet.api.post("/api/threats/batch", varied(500, "slow")).json()["ids"])
                fleet.wait_completed(len(ids))
                return fleet.api.metric("soc_websocket_dropped_total", reason="slow") == 1

            wait_until(dropped, 60, "the slow client is given up")
            quick.wait_for("new_threat", len(ids), 30)
            assert sorted(told_ids(quick)) == sorted(ids)
            assert slow.read_close_code() == 1013
            assert fleet.api.post_signal(signal()).status_code == 202


def test_clients_that_vanish_are_forgotten(fleet):
    api = fleet.apis[1]
    before = api.metric("soc_active_websocket_connections")
    many = [RawWebSocket(api) for _ in range(50)]
    wait_until(lambda: api.metric("soc_active_websocket_connections") == before + 50, 10, "50 more")
    for client in many:
        client.socket.close()
    wait_until(lambda: api.metric("soc_active_websocket_connections") == before, 10, "all gone")


def test_sigterm_closes_with_1001_and_exits_well():
    with Fleet(apis=2, workers=1) as fleet:
        clients = [LiveClient(fleet.apis[0]) for _ in range(3)]
        stays = LiveClient(fleet.apis[1])
        for client in clients:
            client.wait_for("initial_batch")
        fleet.apis[0].send(signals.SIGTERM)
        assert [client.wait_closed() for client in clients] == [1001] * 3
        assert fleet.apis[0].process.wait(20) == 0
        wait_told(stays, "new_threat", post(fleet.apis[1]))
        stays.close()
