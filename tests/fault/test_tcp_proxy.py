"""The proxy of the fault tests does what it is told, and keeps every byte in its order."""

import contextlib
import os
import socket
import threading
import time

import pytest

from processes import TIME_SCALE
from tcp_proxy import TO_CLIENT, TO_SERVER, TcpProxy

SLACK_S = 0.5 * TIME_SCALE


def echo(connection):
    with connection, contextlib.suppress(OSError):
        while piece := connection.recv(65536):
            connection.sendall(piece)


def accept(server):
    with contextlib.suppress(OSError):
        while True:
            threading.Thread(target=echo, args=(server.accept()[0],), daemon=True).start()


@pytest.fixture
def proxy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        with TcpProxy(server.getsockname()[1]) as running:
            yield running


@pytest.fixture
def client(proxy):
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        yield connection


def round_trip_s(client):
    began = time.monotonic()
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    return time.monotonic() - began


def read(client, count):
    received = b""
    while len(received) < count:
        received += client.recv(65536)
    return received


def test_bytes_come_through_in_order(proxy, client):
    proxy.slow(0.001, 0.001)
    words = os.urandom(1 << 20)
    threading.Thread(target=client.sendall, args=(words,), daemon=True).start()
    assert read(client, len(words)) == words


def test_delay_counts_both_ways(proxy, client):
    proxy.slow(0.1)
    assert 0.2 <= round_trip_s(client) < 0.2 + SLACK_S


def test_a_narrow_way(proxy, client):
    proxy.slow(bytes_per_s=400_000)
    began = time.monotonic()
    threading.Thread(target=client.sendall, args=(b"x" * 200_000,), daemon=True).start()
    read(client, 200_000)
    assert 0.3 <= time.monotonic() - began < 1.5 + SLACK_S


@pytest.mark.parametrize("direction", [TO_SERVER, TO_CLIENT])
def test_what_is_held_comes_when_it_is_let_go(proxy, client, direction):
    proxy.hold(direction)
    client.sendall(b"x")
    client.settimeout(0.2)
    with pytest.raises(socket.timeout):
        client.recv(1)
    assert proxy.passed[TO_SERVER] == (1 if direction == TO_CLIENT else 0)
    proxy.let_go()
    client.settimeout(10)
    assert client.recv(1) == b"x"


def test_reset_cuts_connections(proxy, client):
    round_trip_s(client)
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_refusing_takes_no_connection(proxy):
    proxy.refusing = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as client:
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass
