"""WebSocket clients for tests: a stock one that collects messages in the background, and a raw one that can
send what no well-behaved client sends."""

import asyncio
import base64
import contextlib
import json
import os
import socket
import struct
import threading
import time

import websockets

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class _Loop:
    """One asyncio loop in a thread of its own, for all clients."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, coroutine, limit_s=30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(limit_s)


_shared = None


def background():
    global _shared
    if _shared is None:
        _shared = _Loop()
    return _shared


TOO_SLOW = 1013


class LiveClient:
    def __init__(self, api, query="", **options):
        self._changed = threading.Condition()
        self._messages = []
        self._ended = False
        self.close_code = None
        self._url = api.url.replace("http", "ws") + "/ws"
        self._options = {"max_size": None, "ping_interval": None, "compression": None, "open_timeout": 20, **options}
        self._socket = background().run(self._connect(query))
        self._reader = asyncio.run_coroutine_threadsafe(self._read(), background().loop)

    async def _connect(self, query):
        return await websockets.connect(self._url + query, **self._options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def _read_all(self):
        """Until the connection ends."""
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in self._socket:
                message = json.loads(text)
                with self._changed:
                    self._messages.append(message)
                    self._changed.notify_all()

    async def _read(self):
        try:
            await self._read_all()
        finally:
            with self._changed:
                self.close_code = self._socket.close_code
                self._ended = True
                self._changed.notify_all()

    def send(self, message):
        """An object as JSON; text and bytes as they are."""
        raw = message if isinstance(message, (str, bytes)) else json.dumps(message)
        background().run(self._socket.send(raw))

    def send_fragments(self, pieces):
        """One text message in several frames."""

        async def go():
            async def each():
                for piece in pieces:
                    yield piece

            await self._socket.send(each())

        background().run(go())

    def ping(self, limit_s=10):
        """A protocol ping; returns when the pong is there."""

        async def go():
            await asyncio.wait_for(await self._socket.ping(), limit_s)

        background().run(go())

    def messages(self, kind=None):
        with self._changed:
            return [message for message in self._messages if kind is None or message["type"] == kind]

    def wait_for(self, kind, count=1, limit_s=20, where=lambda message: True):
        """Waits for `count` messages of the kind; returns all of them so far."""
        deadline = time.monotonic() + limit_s
        with self._changed:
            while True:
                found = [message for message in self._messages if message["type"] == kind and where(message)]
                if len(found) >= count:
                    return found
                left_s = deadline - time.monotonic()
                if left_s <= 0 or self._ended:
                    kinds = [message["type"] for message in self._messages][-20:]
                    raise AssertionError(f"{len(found)} of {count} {kind} came (ended: {self._ended}, {self.close_code}); last: {kinds}")
                self._changed.wait(left_s)

    def wait_closed(self, limit_s=20):
        """Returns the close code."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended, limit_s), f"not closed within {limit_s} s"
        return self.close_code

    def close(self):
        background().run(self._socket.close())


class FollowingClient(LiveClient):
    """Comes back where it was when it is cut for being too slow, as every client should: a fleet at full speed may
    announce faster than this one reads."""

    def _last_id(self):
        with self._changed:
            ids = (message.get("last_id") or message.get("id") for message in reversed(self._messages))
            return next(filter(None, ids), None)

    async def _read_all(self):
        await super()._read_all()
        while self._socket.close_code == TOO_SLOW and self._last_id():
            self._socket = await self._connect(f"?last_id={self._last_id()}")
            await super()._read_all()


def handshake_headers(host, **changes):
    headers = {
        "Host": host,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    for name, value in changes.items():
        name = name.replace("_", "-")
        headers.pop(name, None)
        if value is not None:
            headers[name] = value
    return headers


def frame(opcode, payload, fin=True, masked=True, rsv=0):
    first = (0x80 if fin else 0) | (rsv << 4) | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, size | (0x80 if masked else 0))
    elif size < 65536:
        head = struct.pack("!BBH", first, 126 | (0x80 if masked else 0), size)
    else:
        head = struct.pack("!BBQ", first, 127 | (0x80 if masked else 0), size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class RawWebSocket:
    """Frames by hand over a socket. Reads only when asked to."""

    def __init__(self, api, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", api.port))
        host = f"127.0.0.1:{api.port}"
        lines = [f"{name}: {value}" for name, value in handshake_headers(host).items()]
        self.socket.sendall(("GET /ws HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            self._buffer += self._receive()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _receive(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        return piece

    def _take(self, count):
        while len(self._buffer) < count:
            self._buffer += self._receive()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def send_frame(self, opcode, payload, **options):
        self.socket.sendall(frame(opcode, payload, **options))

    def read_frame(self):
        """(opcode, payload); the server's frames are unmasked."""
        first, second = self._take(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return first & 0x0F, self._take(size)

    def read_until(self, opcode):
        """Skips other frames; answers pings. Returns the payload."""
        while True:
            got, payload = self.read_frame()
            if got == opcode:
                return payload
            if got == PING:
                self.send_frame(PONG, payload)

    def read_close_code(self):
        payload = self.read_until(CLOSE)
        return struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None
