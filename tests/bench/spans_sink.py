"""A collector that takes every POST and throws it away: spans_sink.py PORT. Says when it listens."""

import socket
import sys
import threading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def length_of(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def serve(connection):
    with connection, connection.makefile("rb") as lines:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = lines.readline()
                if not line:
                    return
                head += line
            left = length_of(head)
            while left > 0:
                left -= len(lines.read(min(left, 1 << 16)))
            connection.sendall(ANSWER)


def main():
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
        print("listening", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


main()
