"""A collector of traces for tests: OTLP/HTTP with JSON, and any behaviour that one may have."""

import contextlib
import http.server
import json
import threading
import time

from processes import wait_until

ERROR = 2
KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def plain(value):
    """An OTLP AnyValue."""
    ((kind, inner),) = value.items()
    return int(inner) if kind == "intValue" else inner


class Span:
    def __init__(self, service, instance, fields):
        assert len(fields["traceId"]) == 32 and len(fields["spanId"]) == 16, fields
        self.service, self.instance = service, instance
        self.trace, self.id, self.parent = fields["traceId"], fields["spanId"], fields.get("parentSpanId")
        self.name, self.kind = fields["name"], KINDS[fields["kind"]]
        self.start, self.end = int(fields["startTimeUnixNano"]), int(fields["endTimeUnixNano"])
        self.attributes = {row["key"]: plain(row["value"]) for row in fields.get("attributes", [])}
        self.links = [(link["traceId"], link["spanId"]) for link in fields.get("links", [])]
        self.status = fields.get("status", {})
        assert self.start <= self.end

    @property
    def failed(self):
        return self.status.get("code") == ERROR

    def __repr__(self):
        return f"{self.service}:{self.name} {self.attributes}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.collector.stopped:
            self.close_connection = True
            return
        status, headers, answer = self.server.collector.take(self.path, self.headers, body)
        with contextlib.suppress(ConnectionError):  # who is slow is left
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Collector:
    """`answers` are statuses for the first requests, or tuples of status, headers and body; then 200 for ever. While
    `slow_s` is set it takes its time over each."""

    def __init__(self, answers=(), slow_s=0):
        self.slow_s = slow_s
        self.requests = []  # (monotonic time, status)
        self._answers = list(answers)
        self._spans = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.collector = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def stopped(self):
        return self._stopping.is_set()

    def take(self, path, headers, body):
        assert path == "/v1/traces", path
        assert headers["Content-Type"] == "application/json"
        self._stopping.wait(self.slow_s)
        with self._lock:
            answer = self._answers.pop(0) if self._answers else 200
            status, more, text = answer if isinstance(answer, tuple) else (answer, {}, b"{}")
            self.requests.append((time.monotonic(), status))
            if status == 200:
                self._spans += self._read(json.loads(body))
        return status, more, text

    @staticmethod
    def _read(request):
        for resource in request["resourceSpans"]:
            who = {row["key"]: plain(row["value"]) for row in resource["resource"]["attributes"]}
            for scope in resource["scopeSpans"]:
                for fields in scope["spans"]:
                    yield Span(who["service.name"], who["service.instance.id"], fields)

    def spans(self, name=None, **attributes):
        """Underlines in the attributes' names stand for dots."""
        wanted = {key.replace("_", "."): value for key, value in attributes.items()}
        with self._lock:
            found = list(self._spans)
        return [
            span
            for span in found
            if (name is None or span.name == name) and all(span.attributes.get(key) == value for key, value in wanted.items())
        ]

    def of_trace(self, trace):
        return [span for span in self.spans() if span.trace == trace]

    def wait_for(self, name, count=1, limit_s=20, **attributes):
        what = f"{count} spans {name} {attributes}"
        wait_until(lambda: len(self.spans(name, **attributes)) >= count, limit_s, what)
        return self.spans(name, **attributes)

    def wait_trace(self, trace, count, limit_s=20):
        wait_until(lambda: len(self.of_trace(trace)) >= count, limit_s, f"{count} spans of {trace}: {self.of_trace(trace)}")
        return self.of_trace(trace)
