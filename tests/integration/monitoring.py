"""A real Prometheus and Alertmanager beside a test's fleet, with the rules of the repository, and a webhook that
Alertmanager calls. Everything listens on 127.0.0.1."""

import http.server
import json
import shutil
import threading

import requests
import yaml

from processes import REPOSITORY, START_LIMIT_S, Process, command, free_port, wait_until

RULES = REPOSITORY / "helm/soc-agent/rules"


def tool(name):
    path = shutil.which(name)
    assert path, f"{name} is missing: scripts/install-dependencies test"
    return path


class Webhook:
    """Keeps what Alertmanager posts."""

    def __init__(self):
        self.alerts = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.alerts += json.loads(body)["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Server(Process):
    def start(self, *words):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()
        self.http.trust_env = False
        self.spawn(command(tool(self.name), f"--web.listen-address=127.0.0.1:{self.port}", *words))
        wait_until(self.is_ready, START_LIMIT_S, f"{self.name} is ready")
        return self

    def is_ready(self):
        if not self.alive():
            raise AssertionError(self.tail())
        try:
            return self.http.get(self.url + "/-/ready", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self):
        if self.alive():
            self.terminate()


class Alertmanager(Server):
    def __init__(self, folder, webhook):
        super().__init__("prometheus-alertmanager", folder)
        config = folder / "alertmanager.yaml"
        route = {"receiver": "hook", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
        receiver = {"name": "hook", "webhook_configs": [{"url": webhook.url}]}
        config.write_text(yaml.safe_dump({"route": route, "receivers": [receiver]}))
        storage = folder / "alertmanager"
        self.start(f"--config.file={config}", f"--storage.path={storage}", "--cluster.listen-address=")


class Prometheus(Server):
    """Scrapes and evaluates every second."""

    def __init__(self, folder, jobs, alertmanager=None):
        """`jobs`: programs by the name of their job."""
        super().__init__("prometheus", folder)
        config = folder / "prometheus.yaml"
        scrape = [
            {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{program.port}" for program in programs]}]}
            for job, programs in jobs.items()
        ]
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES / "*.yaml")],
            "scrape_configs": scrape,
        }
        if alertmanager is not None:
            settings["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]}
        config.write_text(yaml.safe_dump(settings))
        self.start(f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}")

    def ask(self, path, **parameters):
        answer = self.http.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=20)
        body = answer.json()
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    def instant(self, expression):
        """[(labels, value)] now."""
        return [(row["metric"], float(row["value"][1])) for row in self.ask("query", query=expression)["result"]]

    def over_time(self, expression, begin, end):
        """[(labels, values)], a value a second."""
        rows = self.ask("query_range", query=expression, start=begin, end=end, step=1)["result"]
        return [(row["metric"], [float(value) for _, value in row["values"]]) for row in rows]

    def value(self, expression):
        found = self.instant(expression)
        return found[0][1] if found else None
