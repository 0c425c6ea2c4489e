"""One HTTP/1.1 client for many threads: a kept-open connection in each."""

import http.client
import json
import ssl
import threading
from urllib.parse import urlsplit


class Unreachable(Exception):
    """Nothing answers: the message says what to do."""


class Answer:
    def __init__(self, status, headers, content):
        self.status = status
        self.headers = headers
        self.content = content
        try:
            self.body = json.loads(content) if content else None
        except ValueError:
            self.body = None

    def problem_text(self):
        """A problem (RFC 9457) in one line."""
        if not isinstance(self.body, dict):
            return f"HTTP {self.status}"
        text = f"HTTP {self.status}: {self.body.get('detail') or self.body.get('title') or 'no details'}"
        for error in self.body.get("errors", [])[:5]:
            text += f"; {error.get('pointer', '')} {error.get('detail', '')}"
        return text


class Client:
    def __init__(self, url, timeout_s=45):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be http://host:port or https://host:port")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._secure else 80))
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._threads = threading.local()

    def get(self, path):
        return self._ask("GET", path, None, {})

    def put(self, path, value):
        return self._ask("PUT", path, json.dumps(value, ensure_ascii=False).encode(), {"Content-Type": "application/json"})

    def post(self, path, value, prefer_wait=None, content_type="application/json"):
        """`value` is sent as it is when it is bytes, else as JSON."""
        body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
        headers = {"Content-Type": content_type}
        if prefer_wait:
            headers["Prefer"] = f"wait={round(prefer_wait) or 1}"
        return self._ask("POST", path, body, headers)

    def _connect(self):
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(*self._address, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(*self._address, timeout=self._timeout_s)

    def _ask(self, method, path, body, headers):
        connection = getattr(self._threads, "connection", None)
        for fresh in (False, True):
            if connection is None or fresh:
                connection = self._threads.connection = self._connect()
            try:
                connection.request(method, self._prefix + path, body, headers)
                response = connection.getresponse()
                return Answer(response.status, response.headers, response.read())
            except ConnectionRefusedError:
                raise Unreachable(
                    f"nothing listens at {self.url} (connection refused): start a fleet with scripts/run, or give --url"
                ) from None
            except TimeoutError:
                self._threads.connection = None
                raise Unreachable(f"{self.url} did not answer within {self._timeout_s} s") from None
            except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected) as error:
                connection.close()
                # Only an idle connection that the server closed before it read anything is tried again.
                if fresh or not isinstance(error, (http.client.RemoteDisconnected, BrokenPipeError)):
                    raise Unreachable(f"{self.url} closed the connection before it answered") from None
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(f"{self.url}: {error}") from None
