"""Imports of threat-intel lists, as tests make them."""

from contract import check, check_problem


def post_list(api, body, content_type="text/plain", **parameters):
    data = body if isinstance(body, bytes) else body.encode()
    headers = {"Content-Type": content_type} if content_type else {}
    return api.http.post(f"{api.url}/api/intel/indicators", data=data, params=parameters, headers=headers, timeout=120)


def remove_list(api, name):
    answer = api.http.delete(f"{api.url}/api/intel/indicators", params={"list": name}, timeout=20)
    assert answer.status_code == 204, answer.text


def taken(answer):
    assert answer.status_code == 200, answer.text[:2000]
    return check(answer.json(), "indicator_report.json")


def refused(answer):
    """The report of a strict import that found faults."""
    return check_problem(answer, 422)["report"]


def places(report):
    """(line or pointer, reason) of every error."""
    return [(error.get("line", error.get("pointer")), error["reason"]) for error in report["errors"]]
