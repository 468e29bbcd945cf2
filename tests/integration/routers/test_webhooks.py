"""`/v1/api/webhooks`: what is given is looked at, secrets are told once, and what is another's is not there."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.caller import Caller, calling
from service.container import Services
from service.webhooks import endpoints
from service.webhooks.requests import NewWebhook

PATH, URL = "/v1/api/webhooks", "https://receiver.example/hook"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_a_webhook_is_added_changed_and_deleted_and_its_secret_told_once(client: FlaskClient) -> None:
    answer = client.post(PATH, json={"url": URL})
    made = answer.get_json()
    webhook_id = made["webhook"]["id"]
    assert (answer.status_code, made["webhook"]["events"]) == (201, ["task.ended", "project.ready", "film.made"])
    assert len(base64.b64decode(made["secret"].removeprefix("whsec_"))) == 32
    given = client.post(PATH, json={"url": URL, "events": "film.made", "secret": SECRET}).get_json()
    assert (given["secret"], given["webhook"]["events"]) == (SECRET, ["film.made"])
    listed = client.get(PATH)
    assert listed.get_json()["total"] == 2
    changed = client.patch(f"{PATH}/{webhook_id}", json={"enabled": False, "events": ["project.ready"]}).get_json()
    assert (changed["webhook"]["enabled"], changed["webhook"]["events"]) == (False, ["project.ready"])
    assert client.post(f"{PATH}/{webhook_id}/test").status_code == 409
    assert client.patch(f"{PATH}/{webhook_id}", json={"enabled": True}).get_json()["webhook"]["disabledReason"] == ""
    rotated = client.post(f"{PATH}/{webhook_id}/rotate").get_json()
    assert rotated["secret"] != made["secret"]
    told = client.get(f"{PATH}/{webhook_id}").get_data() + client.get(PATH).get_data()
    assert not [secret for secret in (made["secret"], rotated["secret"], SECRET) if secret.encode() in told]
    sent = client.post(f"{PATH}/{webhook_id}/test")
    message_id = sent.get_json()["delivery"]["id"]
    assert sent.status_code == 202
    log = client.get(f"{PATH}/{webhook_id}/deliveries").get_json()
    assert [(one["id"], one["state"]) for one in log["deliveries"]] == [(message_id, "pending")]
    again = client.post(f"{PATH}/{webhook_id}/deliveries/{message_id}/resend")
    assert (again.status_code, again.get_json()["delivery"]["id"]) == (202, message_id)
    assert client.delete(f"{PATH}/{webhook_id}").get_json()["webhook_id"] == webhook_id
    assert client.get(f"{PATH}/{webhook_id}/deliveries").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "receiver.example"}, "url"),
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "https://x.example/" + "x" * 2048}, "url"),
        ({"url": 7}, "url"),
        ({"url": URL, "events": ["task.began"]}, "events"),
        ({"url": URL, "events": {"task.ended": True}}, "events"),
        ({"url": URL, "events": [7]}, "events"),
        ({"url": URL, "secret": "hush"}, "secret"),
        ({"url": URL, "secret": "whsec_" + base64.b64encode(bytes(8)).decode()}, "secret"),
        ({"url": URL, "secret": "whsec_" + base64.b64encode(bytes(65)).decode()}, "secret"),
        ({"url": URL, "secret": "whsec_***"}, "secret"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_by_its_field(
    client: FlaskClient, body: dict[str, Any], field: str
) -> None:
    answer = client.post(PATH, json=body)
    assert (answer.status_code, answer.get_json()["field"].partition(".")[0]) == (400, field)
    assert client.get(PATH).get_json()["total"] == 0


def test_there_is_an_end_to_how_many_one_may_have(client: FlaskClient) -> None:
    statuses = [client.post(PATH, json={"url": URL}).status_code for _ in range(endpoints.MOST + 1)]
    assert statuses == [201] * endpoints.MOST + [409]


@pytest.mark.parametrize(
    "wanted", ["GET", "PATCH", "DELETE", "POST rotate", "POST test", "GET deliveries", "POST resend"]
)
def test_anothers_webhook_is_as_one_that_is_not_there(client: FlaskClient, services: Services, wanted: str) -> None:
    with calling(Caller("another")):
        row, _ = endpoints.add(services, NewWebhook(url=URL))
        sent = endpoints.test(services, row.id)
    method, _, action = wanted.partition(" ")
    action = f"deliveries/{sent.message_id}/resend" if action == "resend" else action
    with calling(Caller("somebody")):
        answers = [
            client.open(f"{PATH}/{webhook_id}/{action}".rstrip("/"), method=method)
            for webhook_id in (row.id, "nobodys")
        ]
        assert client.get(PATH).get_json()["total"] == 0
    first, second = ({**answer.get_json(), "request_id": ""} for answer in answers)
    assert ([answer.status_code for answer in answers], first) == ([404, 404], second)
