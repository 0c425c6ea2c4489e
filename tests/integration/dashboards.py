"""The dashboards of the chart's folder: their panels and queries, with Grafana's variables filled in."""

import json
import re

from processes import REPOSITORY

FOLDER = REPOSITORY / "helm/soc-agent/dashboards"
NAMES = ["system-health", "agent-performance", "business-metrics", "backlog"]
INTERVALS = {"$__rate_interval": "15s", "$__range": "2m"}


def load(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variables(dashboard):
    return {row["name"]: row for row in dashboard["templating"]["list"]}


def datasource_of(target, panel):
    return target.get("datasource", panel["datasource"])["uid"]


def label_values(dashboard):
    """(variable, metric, label) of each variable that asks Prometheus."""
    for row in dashboard["templating"]["list"]:
        if row["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", row["query"]["query"]).groups()
            yield row["name"], metric, label


def filled(expression, values=None):
    """The expression as Grafana would send it; no variable is left."""
    for name, value in {**INTERVALS, **{f"${name}": "|".join(words) for name, words in (values or {}).items()}}.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def metric_queries(dashboard, values=None):
    """(title, expression) of every query to Prometheus, annotations included."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            if datasource_of(target, panel) == "${DS_PROMETHEUS}":
                yield panel["title"], filled(target["expr"], values)
    for annotation in dashboard["annotations"]["list"]:
        if annotation.get("datasource", {}).get("uid") == "${DS_PROMETHEUS}":
            yield annotation["name"], filled(annotation["target"]["expr"], values)
