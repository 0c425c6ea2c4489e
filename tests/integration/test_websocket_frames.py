"""The WebSocket server of api/live against hand-made bytes: handshakes, frames good and bad, and every way to hang up.

The program under test is build/bench/ws_echo; SOC_BUILD_DIR names another build folder.
"""

import base64
import hashlib
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SOC_BUILD_DIR", ROOT / "build"))
LIMIT_SECONDS = 10
MESSAGE_MAX = 16 * 1024
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
EMPTY_MASK = b"\0\0\0\0"
RAW_REQUEST = (
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
).encode()


def frame(opcode, payload=b"", *, fin=True, rsv=0, mask=b"\x37\xfa\x21\x3d", length_form=None):
    """A client's frame; length_form 126 or 127 forces a longer length than needed."""
    shortest = len(payload) if len(payload) <= 125 else 126 if len(payload) <= 65535 else 127
    form = length_form or shortest
    head = bytes([fin << 7 | rsv << 4 | opcode, (0x80 if mask is not None else 0) | form])
    if form >= 126:
        head += struct.pack("!H" if form == 126 else "!Q", len(payload))
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def close_payload(code, reason=b""):
    return struct.pack("!H", code) + reason


class Client:
    """A socket that reads one server frame at a time."""

    def __init__(self, port, path="/ws", handshake=True):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        if handshake:
            status, _ = self.request(path)
            assert status == 101

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        while len(self.buffer) < count:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def request(self, path="/ws", version="HTTP/1.1", method="GET", drop=(), more=(), **fields):
        headers = {
            "Host": "localhost",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
        }
        headers.update({name.replace("_", "-"): value for name, value in fields.items()})
        lines = [f"{name}: {value}" for name, value in headers.items() if name not in drop] + list(more)
        self.send("\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode())
        while b"\r\n\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            assert data, self.buffer
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *rest = head.decode().split("\r\n")
        return int(first.split(" ")[1]), {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in rest)}

    def receive(self):
        first, second = self.take(2)
        assert second & 0x80 == 0, "a server must not mask"
        assert first & 0x70 == 0 and first & 0x80, "whole frames without extensions only"
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self.take(2))
            assert length > 125
        elif length == 127:
            (length,) = struct.unpack("!Q", self.take(8))
            assert length > 65535
        return first & 0xF, self.take(length)

    def expect_close(self, code):
        """The next frame closes with this code (None: without one), and nothing but the end follows."""
        opcode, payload = self.receive()
        assert opcode == CLOSE
        assert (struct.unpack("!H", payload[:2])[0] if payload else None) == code
        with pytest.raises(EOFError):
            self.take(1)
        return payload[2:]

    def expect_echo(self, text=b"still here"):
        self.send(frame(TEXT, text))
        assert self.receive() == (TEXT, text)


class Server:
    def __init__(self, *arguments, **environment):
        program = BUILD / "bench" / "ws_echo"
        if not program.exists():
            subprocess.run(["cmake", "--build", str(BUILD), "--target", "ws_echo"], check=True)
        self.process = subprocess.Popen(
            [str(program), *arguments], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        self.port = int(self.process.stdout.readline().split()[1])

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def stop(self):
        """Ends the server and returns its count of connections: opened, gone, held, and gone by reason."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=LIMIT_SECONDS)
        assert self.process.returncode == 0
        return {word: int(count) for word, count in re.findall(r"(\w+) (\d+)", output)}


@pytest.fixture(scope="module")
def server():
    running = Server()
    yield running
    counts = running.stop()
    assert counts["opened"] == counts["gone"] and counts["held"] == 0


@pytest.fixture
def client(server):
    with Client(server.port) as connected:
        yield connected


@pytest.fixture
def text_client(server):
    with Client(server.port, "/text") as connected:
        yield connected


def test_accepts_the_handshake_of_the_rfc(server):
    with Client(server.port, handshake=False) as client:
        status, headers = client.request()
        assert status == 101
        assert headers["upgrade"].lower() == "websocket" and headers["connection"].lower() == "upgrade"
        assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in headers
        client.expect_echo()


def test_answers_the_key_it_was_given(server):
    for _ in range(20):
        key = base64.b64encode(random.randbytes(16)).decode()
        with Client(server.port, handshake=False) as client:
            _, headers = client.request(Sec_WebSocket_Key=key)
            digest = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert headers["sec-websocket-accept"] == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "change",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "WEBSOCKET"},
        {"Upgrade": "foo, websocket"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "UPGRADE"},
        {"Sec_WebSocket_Extensions": "permessage-deflate"},
        {"Sec_WebSocket_Protocol": "chat"},
    ],
    ids=str,
)
def test_takes_handshakes_as_freely_as_the_rfc_does(server, change):
    with Client(server.port, handshake=False) as client:
        status, headers = client.request(**change)
        assert status == 101
        assert "sec-websocket-extensions" not in headers and "sec-websocket-protocol" not in headers
        client.expect_echo()


@pytest.mark.parametrize(
    "request_change, status",
    [
        ({"drop": ["Upgrade"]}, 426),
        ({"drop": ["Connection"]}, 426),
        ({"Connection": "keep-alive"}, 426),
        ({"Upgrade": "h2c"}, 426),
        ({"Upgrade": "websockets"}, 426),
        ({"method": "POST", "Content_Length": "0"}, 426),
        ({"version": "HTTP/1.0"}, 426),
        ({"drop": ["Sec-WebSocket-Version"]}, 426),
        ({"Sec_WebSocket_Version": "8"}, 426),
        ({"Sec_WebSocket_Version": "013"}, 426),
        ({"Sec_WebSocket_Version": "13, 8"}, 426),
        ({"more": ["Sec-WebSocket-Version: 8"]}, 426),
        ({"drop": ["Sec-WebSocket-Key"]}, 400),
        ({"Sec_WebSocket_Key": ""}, 400),
        ({"Sec_WebSocket_Key": KEY[:-1]}, 400),
        ({"Sec_WebSocket_Key": "A" + KEY}, 400),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=A"}, 400),
        ({"Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAAAA"}, 400),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25j!Q=="}, 400),
        ({"more": [f"Sec-WebSocket-Key: {KEY}"]}, 400),
    ],
    ids=str,
)
def test_refuses_other_handshakes(server, request_change, status):
    with Client(server.port, handshake=False) as client:
        answer, headers = client.request(**request_change)
        assert answer == status
        if status == 426:
            assert headers["sec-websocket-version"] == "13"


def test_serves_frames_that_came_with_the_handshake(server):
    with Client(server.port, handshake=False) as client:
        client.send(RAW_REQUEST + frame(TEXT, b"early") + frame(PING, b"bird"))
        while b"\r\n\r\n" not in client.buffer:
            client.buffer += client.socket.recv(65536)
        client.buffer = client.buffer.split(b"\r\n\r\n", 1)[1]
        assert {client.receive(), client.receive()} == {(TEXT, b"early"), (PONG, b"bird")}


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 1000, MESSAGE_MAX - 1, MESSAGE_MAX])
def test_echoes_messages_of_every_length_form(client, opcode, size):
    payload = bytes(65 + i % 26 for i in range(size))
    client.send(frame(opcode, payload))
    assert client.receive() == (opcode, payload)


def test_takes_a_mask_of_zeros_and_any_other(client):
    for mask in (EMPTY_MASK, b"\xff\xff\xff\xff", b"\x00\x01\x80\xfe"):
        client.send(frame(TEXT, b"masked", mask=mask))
        assert client.receive() == (TEXT, b"masked")


def test_joins_fragments_around_control_frames(client):
    client.send(frame(TEXT, b"one ", fin=False))
    client.send(frame(PING, b"now"))
    assert client.receive() == (PONG, b"now")
    client.send(frame(CONTINUATION, b"", fin=False) + frame(PONG, b"unasked"))
    client.send(frame(CONTINUATION, "zwölf ".encode()[:3], fin=False))
    client.send(frame(CONTINUATION, "zwölf ".encode()[3:], fin=False) + frame(CONTINUATION, b"end"))
    assert client.receive() == (TEXT, "one zwölf end".encode())


def test_takes_frames_cut_anywhere(client):
    """Byte by byte: the parser comes and goes between the messages, never within one."""
    text = "Grüße, 漢字, 😀".encode()
    stream = (
        frame(TEXT, text[:7], fin=False) + frame(PING, b"p") + frame(CONTINUATION, text[7:]) + frame(BINARY, b"x" * 200)
    )
    for _ in range(3):
        for at in range(len(stream)):
            client.send(stream[at : at + 1])
        received = [client.receive() for _ in range(3)]
        received.remove((PONG, b"p"))
        assert received == [(TEXT, text), (BINARY, b"x" * 200)]


def test_takes_random_pieces_of_many_messages(client):
    rng = random.Random(3)
    messages = [(rng.choice((TEXT, BINARY)), b"m" * rng.choice((0, 3, 125, 126, 300, 4000, 9000))) for _ in range(200)]
    stream = b"".join(frame(opcode, payload, mask=rng.randbytes(4)) for opcode, payload in messages)

    def send():
        at = 0
        while at < len(stream):
            size = rng.choice((1, 2, 5, 13, 100, 4095, 4096, 4097, 20000))
            client.send(stream[at : at + size])
            at += size

    sender = threading.Thread(target=send)
    sender.start()
    assert [client.receive() for _ in messages] == messages
    sender.join(LIMIT_SECONDS)


def test_takes_many_messages_in_one_segment(client):
    count = 500
    client.send(b"".join(frame(TEXT, b"%d" % i) for i in range(count)))
    assert [client.receive() for _ in range(count)] == [(TEXT, b"%d" % i) for i in range(count)]


def test_answers_pings_with_their_payload(client):
    for payload in (b"", b"hello", bytes(range(125))):
        client.send(frame(PING, payload))
        assert client.receive() == (PONG, payload)
    client.send(frame(PONG, b"nobody asked"))
    client.expect_echo()


def test_hears_the_pong_to_its_ping(text_client):
    text_client.send(frame(TEXT, b"ping"))
    assert text_client.receive() == (PING, b"")
    text_client.send(frame(PONG))
    assert text_client.receive() == (TEXT, b"pong")


PROTOCOL_FAULTS = {
    "unmasked text": frame(TEXT, b"bare", mask=None),
    "unmasked close": frame(CLOSE, close_payload(1000), mask=None),
    "reserved bit 1": frame(TEXT, b"x", rsv=4),
    "reserved bit 2": frame(TEXT, b"x", rsv=2),
    "reserved bit 3 on ping": frame(PING, b"x", rsv=1),
    "reserved data opcode": frame(0x3, b"x"),
    "reserved control opcode": frame(0xB, b"x"),
    "control frame too long": frame(PING, b"x" * 126),
    "close frame too long": frame(CLOSE, close_payload(1000, b"x" * 124)),
    "fragmented ping": frame(PING, b"x", fin=False),
    "fragmented close": frame(CLOSE, b"", fin=False),
    "continuation of nothing": frame(CONTINUATION, b"x"),
    "text inside a message": frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    "binary inside a message": frame(TEXT, b"a", fin=False) + frame(BINARY, b"b"),
    "length form 126 for 5": frame(TEXT, b"short", length_form=126),
    "length form 127 for 300": frame(TEXT, b"x" * 300, length_form=127),
    "length with the top bit": b"\x81\xff" + b"\x80" + b"\0" * 7 + EMPTY_MASK,
    "half a close code": frame(CLOSE, b"\x03"),
    "close code 0": frame(CLOSE, close_payload(0)),
    "close code 999": frame(CLOSE, close_payload(999)),
    "close code 1005": frame(CLOSE, close_payload(1005)),
    "close code 1006": frame(CLOSE, close_payload(1006)),
    "close code 1015": frame(CLOSE, close_payload(1015)),
    "close code 2999": frame(CLOSE, close_payload(2999)),
    "close code 5000": frame(CLOSE, close_payload(5000)),
}


@pytest.mark.parametrize("fault", PROTOCOL_FAULTS.values(), ids=PROTOCOL_FAULTS.keys())
@pytest.mark.parametrize("path", ["/ws", "/text"])
def test_closes_with_1002_on_protocol_faults(server, path, fault):
    with Client(server.port, path) as client:
        client.send(fault)
        client.expect_close(1002)


@pytest.mark.parametrize(
    "stream",
    [
        frame(TEXT, b"\xff"),
        frame(TEXT, b"ok \xc0\x80"),
        frame(TEXT, b"\xed\xa0\x80"),
        frame(TEXT, b"\xf4\x90\x80\x80"),
        frame(TEXT, "ö".encode()[:1]),
        frame(TEXT, "漢".encode()[:2], fin=False) + frame(CONTINUATION, b"x"),
        frame(CLOSE, close_payload(1000, b"\xff\xfe")),
    ],
    ids=["ff", "overlong", "surrogate", "above 10ffff", "cut", "cut across fragments", "close reason"],
)
def test_closes_with_1007_on_bad_utf8(server, stream):
    with Client(server.port, "/text") as client:
        client.send(stream)
        client.expect_close(1007)


def test_judges_bad_utf8_before_the_message_ends(client):
    client.send(frame(TEXT, b"\xfe", fin=False))
    client.expect_close(1007)


@pytest.mark.parametrize(
    "stream",
    [
        frame(TEXT, b"x" * (MESSAGE_MAX + 1)),
        frame(TEXT, b"x" * 70000),
        frame(TEXT, b"x" * MESSAGE_MAX, fin=False) + frame(CONTINUATION, b"x"),
        frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"x", fin=False) * 1100,
        b"\x81\xff" + struct.pack("!Q", 1 << 40) + EMPTY_MASK + b"x",
    ],
    ids=["one more", "64-bit length", "two fragments", "crumbs", "a terabyte announced"],
)
def test_closes_with_1009_on_oversize(server, stream):
    with Client(server.port, "/text") as client:
        client.send(stream)
        client.expect_close(1009)


@pytest.mark.parametrize(
    "stream",
    [frame(BINARY, b"x"), frame(BINARY, b""), frame(BINARY, b"x", fin=False), frame(BINARY, b"x" * 9000)[:4200]],
    ids=["whole", "empty", "first fragment", "half"],
)
def test_closes_with_1003_on_binary_where_text_is_spoken(text_client, stream):
    text_client.send(stream)
    text_client.expect_close(1003)


def test_a_close_frame_survives_what_the_peer_still_sends(server):
    """Bytes that arrive after the verdict must not turn it into a reset."""
    for _ in range(20):
        with Client(server.port, "/text") as client:
            client.send(frame(BINARY, b"x") + frame(TEXT, b"y" * 5000) * 20)
            try:
                client.send(frame(TEXT, b"z" * 5000) * 20)
            except OSError:
                pytest.fail("reset while sending")
            client.expect_close(1003)


@pytest.mark.parametrize(
    "payload",
    [b"", close_payload(1000), close_payload(1001, b"leaving"), close_payload(3000), close_payload(4999, b"x" * 123)],
    ids=["empty", "1000", "1001", "3000", "4999"],
)
def test_echoes_close_frames(client, payload):
    client.send(frame(CLOSE, payload))
    assert client.receive() == (CLOSE, payload)
    with pytest.raises(EOFError):
        client.take(1)


def test_answers_nothing_after_a_close_frame(client):
    client.send(frame(TEXT, b"first") + frame(CLOSE, close_payload(1000)) + frame(TEXT, b"late") + frame(PING, b"late"))
    assert client.receive() == (TEXT, b"first")
    client.expect_close(1000)


def test_closes_from_inside_a_message_and_waits_for_the_echo(text_client):
    text_client.send(frame(TEXT, b"close") + frame(TEXT, b"not answered"))
    opcode, payload = text_client.receive()
    assert (opcode, payload) == (CLOSE, close_payload(1001, b"as you wish"))
    text_client.send(frame(TEXT, b"crossed on the way"))
    text_client.send(frame(CLOSE, payload))
    with pytest.raises(EOFError):
        text_client.take(1)


def test_takes_any_code_as_the_echo_of_its_close(text_client):
    text_client.send(frame(TEXT, b"close"))
    assert text_client.receive()[0] == CLOSE
    text_client.send(frame(CLOSE, close_payload(1013)))
    with pytest.raises(EOFError):
        text_client.take(1)


def test_ends_by_itself_when_its_close_is_not_answered(text_client):
    text_client.send(frame(TEXT, b"close"))
    assert text_client.receive()[0] == CLOSE
    start = time.monotonic()
    with pytest.raises((EOFError, ConnectionResetError)):
        text_client.take(1)
    assert 4 < time.monotonic() - start < LIMIT_SECONDS


def test_aborts_from_inside_a_message(text_client):
    text_client.send(frame(TEXT, b"abort") + frame(TEXT, b"not answered"))
    with pytest.raises((EOFError, ConnectionResetError)):
        text_client.take(1)


def test_fills_writes_with_control_frames_and_own_messages_between(text_client):
    count = 20000
    text_client.send(frame(TEXT, b"pieces %d" % count))
    text_client.send(frame(PING, b"between") + frame(TEXT, b"between"))
    pieces, others = [], []
    while len(pieces) < count or len(others) < 2:
        opcode, payload = text_client.receive()
        (pieces if payload.startswith(b"piece") else others).append((opcode, payload))
    assert pieces == [(TEXT, b"piece %d" % i) for i in range(count)]
    assert sorted(others) == [(TEXT, b"between"), (PONG, b"between")]


def test_a_client_that_does_not_read_costs_little_and_hurts_nobody():
    sanitizer_options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # freed memory counts too there
    server = Server(ASAN_OPTIONS=sanitizer_options)
    with Client(server.port, handshake=False) as deaf, Client(server.port) as other:
        assert deaf.request()[0] == 101
        before = server.resident_bytes()
        deaf.socket.setblocking(False)
        flood = frame(PING, b"p" * 125) * 100 + frame(TEXT, b"t" * 4000) * 10
        sent = 0
        refused = 0
        while refused < 20 and sent < 200_000_000:
            try:
                sent += deaf.socket.send(flood[sent % len(flood) :])
                refused = 0
            except BlockingIOError:
                refused += 1
                other.expect_echo()
        assert refused == 20, "the server must stop reading from it"
        assert server.resident_bytes() - before < 4_000_000
        deaf.socket.settimeout(LIMIT_SECONDS)
        sender = threading.Thread(target=deaf.send, args=(flood[sent % len(flood) :],))
        sender.start()
        echoed = 0
        while echoed < 10 * (sent // len(flood) + 1):
            opcode, payload = deaf.receive()
            assert opcode in (PONG, TEXT) and len(payload) in (125, 4000)
            echoed += opcode == TEXT
        sender.join(LIMIT_SECONDS)
    assert server.stop()["held"] == 0


def abrupt_ends():
    whole = frame(TEXT, b"hello") + frame(PING, b"x" * 125) + frame(BINARY, b"y" * 5000)
    yield from (whole[:cut] for cut in (0, 1, 2, 3, 5, 6, 8, 11, 12, 20, 150, 2000, len(whole)))


@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_survives_abrupt_ends_anywhere(server, reset):
    for stream in abrupt_ends():
        with Client(server.port) as client:
            client.send(stream)
            if reset:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with Client(server.port) as client:
        client.expect_echo()


def test_survives_clients_that_leave_during_the_handshake(server):
    for cut in (*range(0, len(RAW_REQUEST), 17), len(RAW_REQUEST)):
        client = Client(server.port, handshake=False)
        client.send(RAW_REQUEST[:cut])
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.socket.close()
    with Client(server.port) as client:
        client.expect_echo()


def test_speaks_tls(tmp_path):
    pem = tmp_path / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + ["-subj", "/CN=localhost", "-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True,
        capture_output=True,
    )
    pem.write_bytes((tmp_path / "cert.pem").read_bytes() + (tmp_path / "key.pem").read_bytes())
    server = Server("0", "0", str(pem))
    context = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))

    def connect(path):
        client = Client(server.port, handshake=False)
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        assert client.request(path)[0] == 101
        return client

    with connect("/ws") as client:
        client.send(frame(BINARY, b"b" * MESSAGE_MAX) + frame(PING, b"p"))
        assert sorted([client.receive(), client.receive()]) == [(BINARY, b"b" * MESSAGE_MAX), (PONG, b"p")]
        client.send(frame(CLOSE, close_payload(1000)))
        client.expect_close(1000)
    with connect("/text") as client:
        client.send(frame(TEXT, b"pieces 5000"))
        assert [client.receive() for _ in range(5000)] == [(TEXT, b"piece %d" % i) for i in range(5000)]
        client.send(frame(TEXT, b"bare", mask=None) + b"more" * 1000)
        client.expect_close(1002)
    with connect("/text") as client:
        client.send(frame(TEXT, b"abort"))
        with pytest.raises((EOFError, ConnectionResetError)):
            client.take(1)
    with connect("/text") as client:
        client.send(frame(TEXT, b"pieces 300000") + frame(TEXT, b"half of it")[:7])
    counts = server.stop()
    assert counts["opened"] == counts["gone"] == 4 and counts["held"] == 0


def test_counts_every_connection_out_by_its_reason():
    server = Server()
    clients = {name: Client(server.port, "/text") for name in ("closed", "lost", "protocol", "aborted", "left")}
    clients["closed"].send(frame(CLOSE))
    clients["closed"].expect_close(None)
    clients["protocol"].send(frame(TEXT, b"bare", mask=None))
    clients["protocol"].expect_close(1002)
    clients["aborted"].send(frame(TEXT, b"abort"))
    with pytest.raises((EOFError, ConnectionResetError)):
        clients["aborted"].take(1)
    for name in ("closed", "lost", "protocol", "aborted"):
        clients[name].socket.close()
    with Client(server.port, "/text") as later:
        later.expect_echo()
    counts = server.stop()
    assert counts == {"opened": 6, "gone": 6, "held": 0, "closed": 1, "protocol": 1, "lost": 2, "aborted": 2} or (
        counts == {"opened": 6, "gone": 6, "held": 0, "closed": 1, "protocol": 1, "lost": 1, "aborted": 3}
    )


def test_stress_of_hundreds_that_come_and_go():
    """Every kind of end, many at once, some with a write under way; the server's own count must come out even."""
    server = Server()
    rng = random.Random(7)
    actions = [
        frame(TEXT, b"close"),
        frame(TEXT, b"abort"),
        frame(TEXT, b"pieces 3000"),
        frame(TEXT, b"pieces 500000") + frame(TEXT, b"abort"),
        frame(TEXT, b"pieces 500000") + frame(TEXT, b"close"),
        frame(TEXT, b"pieces 500000") + frame(CLOSE, close_payload(1000)),
        frame(TEXT, b"pieces 500000") + frame(TEXT, b"x", mask=None),
        frame(TEXT, b"pieces 500000") + frame(PING, b"p" * 125) * 1000,
        frame(TEXT, b"ping") + frame(TEXT, b"half of it" * 100)[:90],
        frame(BINARY, b"refused"),
        frame(TEXT, b"\xff"),
    ]
    opened = 0
    for _ in range(25):
        crowd = [Client(server.port, rng.choice(("/ws", "/text"))) for _ in range(20)]
        opened += len(crowd)
        for client in crowd:
            client.send(rng.choice(actions))
        for client in rng.sample(crowd, len(crowd)):
            client.socket.settimeout(0.002)
            if rng.random() < 0.5:
                try:
                    client.socket.recv(rng.choice((1, 100, 65536)))
                except OSError:
                    pass
            if rng.random() < 0.5:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
    counts = server.stop()
    assert counts["opened"] == counts["gone"] == opened and counts["held"] == 0
