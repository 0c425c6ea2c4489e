"""What several tests do on their way."""

from processes import wait_until
from sample_signals import signal


def completed(api, **changes):
    answer = api.post_signal(signal(**changes), Prefer="wait=20")
    assert answer.status_code == 200, answer.text
    return answer.json()


def when_completed(api, id_):
    return wait_until(lambda: (row := api.get(f"/api/threats/{id_}").json())["status"] == "completed" and row, 20, f"{id_} is completed")


def post(api, **changes):
    answer = api.post_signal(signal(**changes))
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def wait_told(client, kind, id_):
    (message,) = client.wait_for(kind, where=lambda message: message["data"]["id"] == id_)
    return message


def told_ids(client, kind="new_threat"):
    return [message["data"]["id"] for message in client.messages(kind)]
