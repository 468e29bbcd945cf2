"""The rule set before the server: attacks of its eight families are refused wherever its rules look, and stories pass."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import pytest

from tests.integration.deploy.attack_places import IN_HEADERS, PLACES
from tests.integration.deploy.attacks import FAMILIES
from tests.integration.deploy.gateway import Gateway
from tests.integration.deploy.stories import STORIES
from tests.support.soak import soaking

ATTACKS = [(family, attack) for family, attacks in FAMILIES.items() for attack in attacks]
FIRST = [(family, attacks[0]) for family, attacks in FAMILIES.items()]
TEXTS = ("story_text", "StoryText", "title", "Desription", "style", "prompt", "narration", "negative-prompt")


def assert_refused(answer: Any, told: str) -> None:
    assert answer.status_code == 403, told
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert (body["code"], body["message"]) == (403, "请求被安全规则拦截"), told
    assert body["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("attack", soaking(ATTACKS, FIRST), ids=lambda each: f"{each[0]}-{each[1][:20]}")
def test_an_attack_is_refused_wherever_the_rules_of_its_family_look(real: Gateway, attack: tuple[str, str]) -> None:
    family, text = attack
    for name, place in PLACES[family].items():
        assert_refused(place(real, text), f"{name}: {text}")


@pytest.mark.parametrize("number", range(len(IN_HEADERS)))
def test_an_attack_that_comes_in_headers_is_refused(real: Gateway, number: int) -> None:
    text, places = IN_HEADERS[number]
    for name, place in places.items():
        assert_refused(place(real, text), f"{name}: {text}")


@pytest.mark.parametrize(
    "path",
    ["x%3F<script>alert(1)</script>", "x%3F..%2F..%2Fetc%2Fpasswd", "x%23'%20or%201=1--", "%2E%2E/%2E%2E/etc", "a%00b"],
)
def test_a_path_that_hides_its_end_is_refused(real: Gateway, path: str) -> None:
    assert_refused(real.ask("GET", f"/v1/api/projects/{path}"), path)


def test_stories_pass_in_every_place_that_texts_have(real: Gateway) -> None:
    """The server knows none of these ids, or finds a text too long: what counts is that nginx lets each by."""
    assert len(set(STORIES)) == 100
    for number, story in enumerate([*STORIES, *(attacks[0] for attacks in FAMILIES.values())]):
        name = TEXTS[number % len(TEXTS)]
        texts = dict.fromkeys(TEXTS[1:], story)
        ways = (
            (
                "POST",
                "/v1/api/shots-of-none",
                {"params": {name: story}, "headers": {"Content-Type": "application/json"}},
            ),
            ("PUT", "/v1/api/projects/x", {"json": {**texts, "cast": [{"name": story, "look_zh": story}]}}),
            ("POST", "/v1/api/projects/x/cast", {"json": {"name": story, "look": story}}),
            ("POST", "/api/shots/x/update_prompt", {"data": {"prompt": story, "narration": story}}),
            (
                "POST",
                "/v1/api/tasks",
                {"json": {"type": "updateShot", "shotId": "x", "parameters": {"shot": {"image_llm": story}}}},
            ),
        )
        method, path, sent = ways[number % len(ways)]
        answer = real.ask(method, path, **sent)
        assert answer.status_code in (404, 405) or "field" in answer.json(), story  # the server's own words


@pytest.mark.parametrize("parameter", ["name", "Name", "filename", "fileName", "file_name"])
def test_files_that_are_to_be_uploaded_are_called_as_people_call_them(real: Gateway, parameter: str) -> None:
    wanted = {"project_id": "x", "size": 5, "content_type": "audio/wav"}
    for text in ('它\'s "猫" (1).wav', "; rm -rf /.wav", *(attacks[0] for attacks in FAMILIES.values())):
        passed = real.ask("POST", "/api/oss/presign", json={**wanted, parameter: text})
        assert (passed.status_code, passed.json()["message"]) == (404, "项目不存在"), text
    attack = FAMILIES["shell"][0]
    assert_refused(real.ask("POST", "/api/oss/presign", json={**wanted, "content_type": attack}), "another parameter")
    assert_refused(real.ask("POST", "/v1/api/projects/x/tts", json={parameter: attack}), "the same name elsewhere")


@pytest.mark.parametrize("url", ["https://hooks.example/in?key=a-b_c", "http://192.0.2.7:8443/in"])
def test_the_address_of_a_webhook_passes(real: Gateway, url: str) -> None:
    made = real.ask("POST", "/v1/api/webhooks", json={"url": url, "events": ["none such"]})
    assert (made.status_code, made.json()["field"]) == (400, "events"), made.text


def test_stories_become_projects_with_every_character_in_place(real: Gateway) -> None:
    for story in (STORIES[5], STORIES[12], STORIES[37]):
        made = real.ask("POST", "/v1/api/projects", params={"StoryText": story, "Title": story[:100], "ShotCount": "1"})
        assert made.status_code == 200, made.text
        found = real.ask("GET", f"/v1/api/projects/{made.json()['project_id']}").json()["project_detail"]
        assert (found["storyText"], found["title"]) == (story, story[:100].strip())


def test_what_programs_send_every_day_passes(real: Gateway) -> None:
    token = ".".join(base64.urlsafe_b64encode(secrets.token_bytes(size)).rstrip(b"=").decode() for size in (30, 90, 32))
    ways: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("GET", "/v1/api/projects", {"params": {"page": 2, "q": "it's a cat & dog 灯塔"}}),
        ("GET", "/v1/api/projects", {"headers": {"User-Agent": "curl/8.5.0", "Accept": "*/*"}}),
        (
            "GET",
            "/v1/api/voices/sample",
            {"params": {"voice": "zf_xiaoxiao", "token": token[:20] + "--" + token + "--x"}},
        ),
        ("GET", "/static/旧 图片 (1).png", {}),
        (
            "POST",
            "/v1/api/projects/x/video",
            {"json": {"resolution": "1280x720", "aspect": "16:9", "model": "stabilityai/sd-turbo"}},
        ),
        (
            "POST",
            "/v1/api/music",
            {"files": {"file": ("it's 钢琴 (1).mp3", b"x")}, "data": {"title": "<b>", "tags": "钢琴, calm; piano"}},
        ),
        (
            "OPTIONS",
            "/v1/api/projects",
            {"headers": {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}},
        ),
        ("GET", "/openapi.json", {}),
        ("GET", "/docs", {}),
    )
    for method, path, sent in ways:
        assert real.ask(method, path, **sent).status_code != 403, path


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b'{"voice": "../../etc/passwd"}', {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b' \t{"voice": "x"}', {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"voice": "../../etc/passwd"}', {}, 415),
        (b'{"voice": "../../etc/passwd"}', {"Content-Type": "text/plain"}, 403),
        (b'{"voice": "../../etc/passwd"}', {"Content-Type": "application/vnd.api+json"}, 403),
        (b"\x1f\x8b\x08\x00", {"Content-Type": "application/json", "Content-Encoding": "gzip"}, 400),
        ('{"voice": "../../etc/passwd"}'.encode("utf-16"), {"Content-Type": "application/json"}, 400),
        (b'{"voice": ', {"Content-Type": "application/json"}, 400),
        (b"--x\r\n\r\n", {"Content-Type": "multipart/form-data; boundary=y"}, 400),
        (b"PK\x03\x04", {"Content-Type": "application/zip"}, 415),
    ],
)
def test_a_body_that_the_rules_cannot_read_does_not_get_past_them(
    real: Gateway, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = real.ask("POST", "/v1/api/projects/x/tts", data=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, status)
