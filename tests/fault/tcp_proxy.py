"""A TCP proxy that can be slow, narrow, silent or gone, for the way between a program and Redis."""

import asyncio
import random
import socket
import struct
import threading
import time

from processes import free_port

PIECE = 65536
HELD_POLL_S = 0.005
QUEUED_PIECES = 256
TO_SERVER, TO_CLIENT = "to server", "to client"


class TcpProxy:
    """What is set holds from the next piece on. A held direction loses nothing: it goes on when it is let go, as TCP
    does after a partition."""

    def __init__(self, upstream_port):
        self.upstream_port = upstream_port
        self.port = free_port()
        self.delay_s = 0.0
        self.jitter_s = 0.0
        self.bytes_per_s = None
        self.held = set()
        self.refusing = False
        self.passed = {TO_SERVER: 0, TO_CLIENT: 0}
        self._writers = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, "127.0.0.1", self.port))
        return self

    def __exit__(self, *_):
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, coroutine, limit_s=10):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(limit_s)

    async def _end(self):
        self._server.close()
        await self._server.wait_closed()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def slow(self, delay_s=0.0, jitter_s=0.0, bytes_per_s=None):
        self.delay_s, self.jitter_s, self.bytes_per_s = delay_s, jitter_s, bytes_per_s

    def hold(self, *directions):
        self.held = set(directions or (TO_SERVER, TO_CLIENT))

    def let_go(self):
        self.held = set()

    def reset(self):
        """Every connection is cut with a RST."""

        async def cut():
            for writer in list(self._writers):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

        self._call(cut())

    async def _accept(self, reader, writer):
        if self.refusing:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        ways = [self._carry(reader, there_writer, TO_SERVER), self._carry(there_reader, writer, TO_CLIENT)]
        try:
            await asyncio.gather(*ways)
        finally:
            for one in (writer, there_writer):
                self._writers.discard(one)
                one.transport.abort()

    async def _carry(self, reader, writer, direction):
        pieces = asyncio.Queue(QUEUED_PIECES)
        await asyncio.gather(self._take(reader, pieces), self._give(pieces, writer, direction))

    async def _take(self, reader, pieces):
        """Each piece with the time when it is due: none overtakes another."""
        due = 0.0
        while True:
            try:
                piece = await reader.read(PIECE)
            except OSError:
                piece = b""
            wait_s = max(0.0, self.delay_s + random.uniform(-self.jitter_s, self.jitter_s))
            due = max(due, time.monotonic() + wait_s)
            await pieces.put((due, piece))
            if not piece:
                return

    async def _give(self, pieces, writer, direction):
        while True:
            due, piece = await pieces.get()
            if (wait_s := due - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            while direction in self.held:
                await asyncio.sleep(HELD_POLL_S)
            try:
                if not piece:
                    writer.write_eof()
                    return
                writer.write(piece)
                await writer.drain()
            except (OSError, RuntimeError):
                return  # the other side is gone
            self.passed[direction] += len(piece)
            if self.bytes_per_s:
                await asyncio.sleep(len(piece) / self.bytes_per_s)
