"""Clients that mean harm, from outside: other protocols, requests that drip or never end, bodies without measure, sockets
by the thousand, answers that nobody takes. Everybody else is answered in time, and what was held is let go."""

import contextlib
import os
import pathlib
import re
import resource
import select
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import raw_http
from contract import check_problem
from fleet import Fleet
from processes import TIME_SCALE, built_with_sanitizers, wait_until
from sample_signals import signal

pytestmark = pytest.mark.plain

REQUEST_S = 10  # of api/http/server.c: for a whole request
TAKEN_S = 15  # likewise: for a client to take the next of its answer
SLACK_S = 5 * TIME_SCALE
ANSWER_S = 1.0 * TIME_SCALE  # "in time"
BODY_MAX = 20 * 1024 * 1024  # what the server reads at most; each call's own limit is lower
SOCKETS_WANTED = 10_000
JSON = b"Host: x\r\nContent-Type: application/json\r\n"
POST = b"POST /api/threats HTTP/1.1\r\n" + JSON
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
SIGNAL = signal()


@pytest.fixture(scope="module")
def servers():
    """One API for those who take their time, one for those who do not."""
    with Fleet(apis=2, workers=1) as running:
        yield running


@pytest.fixture
def api(servers):
    yield servers.apis[1]
    assert servers.apis[1].status("/health") == 200


@pytest.fixture(scope="module")
def slow_api(servers):
    return servers.apis[0]


@pytest.fixture(scope="module")
def tls_api(servers):
    certificate, key = servers.folder / "certificate.pem", servers.folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    api = servers.add_api(SOC_TLS_CERT=certificate, SOC_TLS_KEY=key)
    wait_until(lambda: listens(api), 20, "it listens")
    return api


def listens(api):
    with contextlib.suppress(ConnectionError):
        connect(api).close()
        return True
    return False


def connect(api, receive_bytes=None):
    sock = socket.socket()
    if receive_bytes is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.settimeout(30)
    sock.connect(("127.0.0.1", api.port))
    return sock


def encrypted(api):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connect(api))


def read_to_end(sock, limit_s):
    """What comes until the server hangs up."""
    received = b""
    sock.settimeout(limit_s)
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65536):
            received += piece
    return received


def resident_bytes(api):
    return int(pathlib.Path(f"/proc/{api.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def descriptors(api):
    return len(os.listdir(f"/proc/{api.pid}/fd"))


def cpu_seconds(api):
    fields = pathlib.Path(f"/proc/{api.pid}/stat").read_text().rsplit(")")[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_answers_in_time(api):
    for ask in (lambda: api.get("/health"), lambda: api.post_signal(SIGNAL)):
        began = time.monotonic()
        assert ask().status_code in (200, 202)
        assert time.monotonic() - began < ANSWER_S


# --- who takes his time: all begin together, each test waits for its own

DRIPPING = {
    "nothing": (b"", b""),
    "a request line": (b"GET /health HT", b"T"),
    "header lines": (b"GET /health HTTP/1.1\r\n", b"X: y\r\n"),
    "a body": (POST + b"Content-Length: 60000\r\n\r\n", b" "),
    "no body": (POST + b"Content-Length: 60000\r\n\r\n", b""),
    "chunks": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a chunk's extension": (POST + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "a second request": (HEALTH + POST + b"Content-Length: 60000\r\n\r\n", b" "),
}
TLS_HANDSHAKE = "a TLS handshake"


class Drip(threading.Thread):
    """Sends a piece four times a second until the server hangs up."""

    def __init__(self, api, head, piece):
        super().__init__(daemon=True)
        self.piece = piece
        self.socket = connect(api)
        self.socket.sendall(head)
        self.began = time.monotonic()
        self.ended_after = None
        self.start()

    def run(self):
        self.socket.settimeout(0.25)
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - self.began < REQUEST_S + SLACK_S:
                try:
                    self.socket.sendall(self.piece)
                    if not self.socket.recv(65536):
                        break
                except TimeoutError:
                    continue
            else:
                return
        self.ended_after = time.monotonic() - self.began
        self.socket.close()


class Idle:
    """Keeps its connection between two requests, as a proxy does."""

    def __init__(self, api):
        self.socket = connect(api)
        self.ask()
        self.began = time.monotonic()

    def ask(self):
        self.socket.sendall(HEALTH)
        return raw_http.read_answer(self.socket).status_code


class Stuck:
    """Asks for an answer of megabytes and never takes it."""

    COUNT = 8

    def __init__(self, fleet, api):
        lines = [signal(source_ip=f"10.9.{i // 250}.{i % 250}") for i in range(1000)]
        assert api.post("/api/threats/batch", lines).json()["accepted"] == len(lines)
        fleet.wait_completed(len(lines))
        wait_until(lambda: api.get("/api/stats").json()["by_status"]["completed"] >= len(lines), 10, "the list is full")
        self.answer_bytes = len(api.get("/api/threats?limit=1000").content)
        self.sockets = [connect(api, receive_bytes=4096) for _ in range(self.COUNT)]
        for sock in self.sockets:
            sock.sendall(b"GET /api/threats?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.began = time.monotonic()


@pytest.fixture(scope="module", autouse=True)
def patient(servers, slow_api, tls_api):
    """Everything that lasts runs while the other tests do."""
    started = {"stuck": Stuck(servers, slow_api), "idle": Idle(slow_api)}
    started |= {name: Drip(slow_api, head, piece) for name, (head, piece) in DRIPPING.items()}
    started[TLS_HANDSHAKE] = Drip(tls_api, b"\x16\x03\x01", b"")
    yield started
    for sock in [*started["stuck"].sockets, started["idle"].socket]:
        sock.close()


# --- other protocols

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
UPGRADE_TO_H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


def test_http_2_by_prior_knowledge_is_refused(api):
    with connect(api) as sock:
        sock.sendall(HTTP2_PREFACE)
        assert read_to_end(sock, 5).startswith(b"HTTP/1.1 400 ")


def test_a_flood_of_http_2_resets_is_refused_with_its_preface(api):
    numbers = [struct.pack("!I", i) for i in range(1, 2001, 2)]
    stream = b"".join(b"\0\0\1\1\5" + number + b"\x82\0\0\4\3\0" + number + b"\0\0\0\x08" for number in numbers)
    with connect(api) as sock, contextlib.suppress(ConnectionError):
        sock.sendall(HTTP2_PREFACE + stream)
        assert b"HTTP/1.1 400 " in read_to_end(sock, 5)
    check_answers_in_time(api)


def test_http_2_is_not_agreed_on_in_a_tls_handshake(tls_api):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(connect(tls_api)) as sock:
        assert sock.selected_alpn_protocol() != "h2"
        sock.sendall(HTTP2_PREFACE)
        assert read_to_end(sock, 5).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/health", "/ws", "/api/stats"])
def test_an_upgrade_to_h2c_is_not_made(api, path):
    with connect(api) as sock:
        sock.sendall(b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path.encode(), UPGRADE_TO_H2C))
        answer = raw_http.RawAnswer(read_to_end(sock, 5))
        assert answer.status_code == (426 if path == "/ws" else 200)
        assert "upgrade" not in {name.lower() for name in answer.headers}


VERSION_13 = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
UPGRADES = {
    "to nothing": b"Connection: Upgrade\r\nUpgrade: \r\n",
    "to two things": b"Connection: Upgrade\r\nUpgrade: h2c, websockets\r\n",
    "without saying so": b"Upgrade: websocket\r\n",
    "of many names": b"Connection: Upgrade\r\nUpgrade: " + b"x," * 20000 + b"\r\n",
    "of many connections": b"Connection: " + b"x," * 20000 + b"\r\nUpgrade: websocket\r\n",
    "of bytes": b"Connection: Upgrade\r\nUpgrade: \xff\xfe\x80\r\n",
    "without a key": VERSION_13,
    "of another version": VERSION_13.replace(b"13", b"99") + KEY,
    "with a key of bytes": VERSION_13 + b"Sec-WebSocket-Key: \xff\xff\r\n",
}


@pytest.mark.parametrize("name", UPGRADES)
def test_a_bad_upgrade_is_a_problem_and_no_upgrade(api, name):
    with connect(api) as sock:
        sock.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\n" + UPGRADES[name] + b"\r\n")
        sock.settimeout(5)
        received = b""
        while not raw_http.complete(received):
            piece = sock.recv(65536)
            assert piece, received
            received += piece
    answer = raw_http.RawAnswer(received)
    assert answer.status_code in (400, 426)
    assert answer.headers["Content-Type"].startswith(("application/problem+json", "text/plain"))


# --- where a request ends must not be a matter of opinion

UNCLEAR = {
    "a list of lengths": b"Content-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": b"Content-Length: +5\r\n\r\nhello",
    "a length past all numbers": b"Content-Length: 18446744073709551616\r\n\r\nhello",
    "a blank before the colon": b"Content-Length : 5\r\n\r\nhello",
    "another coding": b"Transfer-Encoding: gzip\r\n\r\nhello",
    "two codings": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding that looks like chunked": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a chunk with a sign": b"Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
    "a chunk past all numbers": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello",
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_body_of_unclear_length_ends_the_connection(api, name):
    with connect(api) as sock:
        sock.sendall(POST + UNCLEAR[name] + HEALTH)
        received = read_to_end(sock, 5)
    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"400"]


# --- bodies without measure


def pour(api, head, piece, total):
    """Sends until an answer comes; the answer, how much went out, and the most memory that the server had."""
    sent, most, received = 0, resident_bytes(api), b""
    with connect(api) as sock:
        sock.sendall(head)
        sock.setblocking(False)
        while not raw_http.complete(received):
            readable, writable, _ = select.select([sock], [sock] if sent < total else [], [], 10)
            assert readable or writable, "neither taken nor answered"
            try:
                if readable:
                    more = sock.recv(65536)
                    assert more, "no answer"
                    received += more
                elif writable:
                    sent += sock.send(piece[: total - sent])
            except ConnectionError:
                break
            most = max(most, resident_bytes(api))
    return raw_http.RawAnswer(received) if received else None, sent, most


def is_within(before, now, held):
    """Sanitizers keep what is freed, so there only the answer counts."""
    return now - before <= held or built_with_sanitizers()


def test_one_byte_over_a_quarter_of_a_megabyte_is_413(api):
    body = b" " * (256 * 1024 + 1)
    check_problem(api.post("/api/threats", body, headers={"Content-Type": "application/json"}), 413)


@pytest.mark.parametrize("megabytes", [64, 1024])
def test_a_length_that_is_too_great_is_413_before_the_body_is_read(api, megabytes):
    before = resident_bytes(api)
    head = POST + b"Content-Length: %d\r\n\r\n" % (megabytes << 20)
    answer, sent, most = pour(api, head, b" " * 65536, megabytes << 20)
    assert answer.status_code == 413 and answer.headers["Content-Type"] == "application/problem+json"
    assert sent < 16 << 20  # what the kernel's buffers take
    assert is_within(before, most, 4 << 20)


def test_chunks_without_end_are_413_once_they_are_too_many(api):
    before = resident_bytes(api)
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    answer, sent, most = pour(api, head, b"10000\r\n" + b" " * 65536 + b"\r\n", 1 << 30)
    assert answer.status_code == 413 and BODY_MAX / 2 < sent < 2 * BODY_MAX
    assert is_within(before, most, BODY_MAX + (8 << 20))


@pytest.mark.parametrize("server", ["api", "tls_api"])
def test_who_sends_all_before_he_listens_hears_the_413_all_the_same(request, server):
    """The connection is half closed, and what still comes is read: no reset takes the answer away."""
    chosen = request.getfixturevalue(server)
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    with encrypted(chosen) if server == "tls_api" else connect(chosen) as sock:
        sock.settimeout(30)
        sock.sendall(head)
        for _ in range(BODY_MAX + (16 << 20) >> 20):
            sock.sendall(chunk)
        received = read_to_end(sock, 10)
    assert raw_http.RawAnswer(received).status_code == 413


def test_who_never_ends_after_his_413_is_let_go(api):
    before = descriptors(api)
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    with connect(api) as sock:
        sock.sendall(head)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 30:
                sock.sendall(b"100000\r\n" + b" " * (1 << 20) + b"\r\n")
    wait_until(lambda: descriptors(api) <= before, 10, "its socket is closed")


def test_bodies_within_bounds_that_their_call_does_not_take_are_413_and_leave_nothing_behind(api):
    """They are read to their end, so that the client hears why. h2o doubles its buffer as it grows."""
    before = resident_bytes(api)
    for _ in range(10):
        answer, sent, most = pour(api, POST + b"Content-Length: %d\r\n\r\n" % (8 << 20), b" " * 65536, 8 << 20)
        assert answer.status_code == 413 and sent == 8 << 20
        assert is_within(before, most, 24 << 20)
    wait_until(lambda: is_within(before, resident_bytes(api), 4 << 20), 10, "the memory is given back")


def test_a_great_body_needs_no_file():
    """A container's root is read-only. Here no file may grow past 8 MiB."""
    with Fleet(apis=1, workers=0) as fleet:
        resource.prlimit(fleet.api.pid, resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
        answer, _, _ = pour(fleet.api, POST + b"Content-Length: %d\r\n\r\n" % (18 << 20), b" " * 65536, 18 << 20)
        assert answer is not None and answer.status_code == 413


# --- sockets by the thousand


def affordable():
    """As many as both sides may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(SOCKETS_WANTED, hard - 1000)


def test_ten_thousand_idle_sockets_keep_nobody_waiting_and_are_let_go(api):
    before = descriptors(api)
    with contextlib.ExitStack() as held:
        count = affordable()
        for _ in range(count):
            held.enter_context(connect(api))
        wait_until(lambda: descriptors(api) >= before + min(count, 1000), 10, "the sockets are accepted")
        for _ in range(20):
            check_answers_in_time(api)
        wait_until(lambda: descriptors(api) <= before + 20, REQUEST_S + SLACK_S, "idle sockets are closed")
    check_answers_in_time(api)


def test_clients_that_reset_their_connection_leave_nothing(api):
    before = descriptors(api)
    for i in range(1000):
        sock = connect(api)
        sock.sendall(HEALTH if i % 2 else POST + b"Content-Length: 100\r\n\r\n{")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    wait_until(lambda: descriptors(api) <= before + 5, 10, "what was reset is closed")
    check_answers_in_time(api)


def test_without_descriptors_those_who_are_in_are_answered_and_the_loop_rests(api):
    assert api.get("/health").status_code == 200  # its connection is kept
    soft, hard = resource.prlimit(api.pid, resource.RLIMIT_NOFILE)
    room = descriptors(api) + 20
    with contextlib.ExitStack() as held:
        resource.prlimit(api.pid, resource.RLIMIT_NOFILE, (room, hard))
        try:
            for _ in range(100):
                newcomer = held.enter_context(connect(api))
            newcomer.sendall(HEALTH)
            newcomer.settimeout(1)
            wait_until(lambda: descriptors(api) >= room - 1, 5, "the limit is met")
            used = cpu_seconds(api)
            with pytest.raises(TimeoutError):
                newcomer.recv(65536)
            assert cpu_seconds(api) - used < 0.5, "it asks again and again for what it cannot have"
            check_answers_in_time(api)
        finally:
            resource.prlimit(api.pid, resource.RLIMIT_NOFILE, (soft, hard))
        newcomer.settimeout(REQUEST_S)
        assert newcomer.recv(65536).startswith(b"HTTP/1.1 200 ")


# --- who took his time


@pytest.mark.parametrize("name", [*DRIPPING, TLS_HANDSHAKE])
def test_a_request_that_drips_is_cut_off(patient, name):
    drip = patient[name]
    drip.join(REQUEST_S + 2 * SLACK_S)
    assert drip.ended_after is not None, "it was heard for ever"
    assert REQUEST_S - 1 < drip.ended_after < REQUEST_S + SLACK_S


def test_who_waits_between_two_requests_is_not(patient):
    """A proxy would send the next one just then: a 502 to whoever posted."""
    idle = patient["idle"]
    wait_until(lambda: time.monotonic() - idle.began > REQUEST_S + SLACK_S, REQUEST_S + 2 * SLACK_S, "it waited for longer than a request may take")
    assert idle.ask() == 200


def test_who_does_not_take_his_answer_is_cut_off(patient, slow_api):
    stuck = patient["stuck"]
    assert stuck.answer_bytes > 4 << 20
    limit_s = stuck.began + 2 * TAKEN_S + SLACK_S - time.monotonic()
    wait_until(lambda: descriptors(slow_api) < 20, limit_s, "nobody waits for those who do not read")
    check_answers_in_time(slow_api)
