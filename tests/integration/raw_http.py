"""HTTP requests byte by byte, for what a well-behaved client never sends."""

import http.client
import io
import socket


class RawAnswer:
    def __init__(self, content):
        self.content = content
        sock = type("S", (), {"makefile": lambda self, mode: io.BytesIO(content)})()
        self._response = http.client.HTTPResponse(sock)
        self._response.begin()
        self.status_code = self._response.status
        self.headers = self._response.headers
        self.body = self._response.read()


def exchange(api, request, limit_s=10):
    """Sends the bytes and reads one answer."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=limit_s) as connection:
        try:
            connection.sendall(request)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may answer before it has read everything
        connection.shutdown(socket.SHUT_WR) if b"Connection: close" in request else None
        return read_answer(connection)


def read_answer(connection):
    """One answer, up to its end or the connection's."""
    received = b""
    while not complete(received):
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    assert received, "no answer"
    return RawAnswer(received)


def complete(received):
    head, mark, body = received.partition(b"\r\n\r\n")
    if not mark:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return head.split(b" ", 2)[1] in (b"204", b"304")


def post(path, body, *header_lines, length=None):
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Length: {len(body) if length is None else length}",
        *header_lines,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked_post(path, chunks, *header_lines):
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Transfer-Encoding: chunked", *header_lines]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
