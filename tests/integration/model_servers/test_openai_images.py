"""The picture server: what it takes, what it refuses, how its pictures come."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image

from tests.support.model_servers.openai_images import LINKS, OpenAIImages
from tests.support.model_servers.pictures import encoded, picture, size_of

REFERENCE = encoded(picture(32, 32, "a cat"))


@pytest.fixture
def server() -> Iterator[OpenAIImages]:
    with OpenAIImages(sizes=["64x64", "96x64"]) as running:
        yield running


def ask(server: OpenAIImages, **fields: Any) -> requests.Response:
    body = {"model": "stand-in", "prompt": "a street", "response_format": "b64_json", **fields}
    used = {name: value for name, value in body.items() if value != ...}
    return requests.post(f"{server.base}/images/generations", json=used, timeout=10)


def edit(server: OpenAIImages, files: list[tuple[str, bytes]], **fields: Any) -> requests.Response:
    data = {"model": "stand-in", "prompt": "a street", **fields}
    uploads = [(name, ("a.png", io.BytesIO(content), "image/png")) for name, content in files]
    return requests.post(f"{server.base}/images/edits", data=data, files=uploads, timeout=10)


def inline(response: requests.Response) -> bytes:
    return base64.b64decode(response.json()["data"][0]["b64_json"], validate=True)


def link(response: requests.Response) -> str:
    url: str = response.json()["data"][0]["url"]
    return url


def test_pictures_are_of_the_size_and_the_prompt(server: OpenAIImages) -> None:
    one, same, other = (inline(ask(server, size="96x64", prompt=each)) for each in ("a", "a", "b"))
    assert size_of(one) == (96, 64)
    assert one == same != other
    assert size_of(inline(ask(server, seed=7))) == (64, 64)
    assert len(ask(server, n=2).json()["data"]) == 2


def test_links_lead_to_another_host_that_wants_no_key() -> None:
    with OpenAIImages(sizes=["64x64"], key="sk-1") as server:
        headers = {"Authorization": "Bearer sk-1"}
        body = {"model": "stand-in", "prompt": "a street"}
        url = link(requests.post(f"{server.base}/images/generations", json=body, headers=headers, timeout=10))
        assert url.startswith("http://localhost:")
        assert size_of(requests.get(url, timeout=10).content) == (64, 64)
        assert requests.get(url, headers=headers, timeout=10).status_code == 400


def test_links_expire_and_get_lost(server: OpenAIImages) -> None:
    url = link(ask(server, response_format="url"))
    server.script("expired", "cut_off_file", "html_502", on=LINKS)
    assert requests.get(url, timeout=10).status_code == 403
    assert len(requests.get(url, timeout=10).content) < len(inline(ask(server)))
    assert requests.get(url, timeout=10).status_code == 502
    server.script("lost_link")
    assert requests.get(link(ask(server)), timeout=10).status_code == 404


def test_edits_take_reference_pictures(server: OpenAIImages) -> None:
    response = edit(server, [("image[]", REFERENCE), ("image[]", REFERENCE)], size="64x64", response_format="b64_json")
    assert size_of(inline(response)) == (64, 64)
    assert server.references == [[REFERENCE, REFERENCE]]
    assert edit(server, [("image", REFERENCE)], n="2").ok


@pytest.mark.parametrize(
    ("files", "fields", "param"),
    [
        ([], {}, "image"),
        ([("image", b"no picture")], {}, "image"),
        ([("picture", REFERENCE)], {}, "picture"),
        ([("image", REFERENCE)], {"size": "1x1"}, "size"),
        ([("image", REFERENCE)], {"n": "two"}, "n"),
        ([("image", REFERENCE)], {"strength": "0.5"}, "strength"),
    ],
)
def test_edits_that_are_not_as_documented_are_refused(
    server: OpenAIImages, files: Any, fields: Any, param: str
) -> None:
    response = edit(server, files, **fields)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"steps": 4}, "unknown_parameter", "steps"),
        ({"prompt": ...}, "missing_required_parameter", "prompt"),
        ({"prompt": ""}, "string_below_min_length", "prompt"),
        ({"prompt": "a" * 4001}, "string_above_max_length", "prompt"),
        ({"size": "65x64"}, "invalid_value", "size"),
        ({"n": 11}, "value_out_of_range", "n"),
        ({"seed": "7"}, "invalid_type", "seed"),
        ({"response_format": "png"}, "invalid_value", "response_format"),
    ],
)
def test_what_is_not_as_documented_is_refused(server: OpenAIImages, fields: Any, code: str, param: str) -> None:
    response = ask(server, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert not server.charged


def test_some_servers_know_no_seed_and_some_models_no_response_format() -> None:
    with OpenAIImages(sizes=["64x64"], takes_seed=False, always="response_format_unknown") as server:
        assert ask(server, seed=7).json()["error"]["param"] == "seed"
        assert ask(server).json()["error"]["param"] == "response_format"
        assert size_of(inline(ask(server, response_format=...))) == (64, 64)


@pytest.mark.parametrize(
    ("name", "format_", "size"),
    [
        ("jpeg", "JPEG", (64, 64)),
        ("webp", "WEBP", (64, 64)),
        ("other_size", "PNG", (32, 32)),
        ("one_pixel", "PNG", (1, 1)),
        ("never_links", "PNG", (64, 64)),
        ("black", "PNG", (64, 64)),
        ("blank", "PNG", (64, 64)),
    ],
)
def test_pictures_differ_from_what_was_asked_for(server: OpenAIImages, name: str, format_: str, size: Any) -> None:
    server.script(name)
    with Image.open(io.BytesIO(inline(ask(server)))) as image:
        assert (image.format, image.size) == (format_, size)
        darkest, brightest = image.convert("L").getextrema()
        assert {(0, 0): "black", (255, 255): "blank"}.get((darkest, brightest)) == (
            name if name in ("black", "blank") else None
        )


def test_files_are_no_pictures(server: OpenAIImages) -> None:
    whole = inline(ask(server))
    server.script("cut_off_file", "empty_file", "page_as_picture", "broken_base64", "data_uri")
    assert inline(ask(server)) == whole[: len(whole) // 2]
    assert inline(ask(server)) == b""
    assert inline(ask(server)).startswith(b"<html>")
    for _ in range(2):
        with pytest.raises(ValueError, match="base64"):
            inline(ask(server))


def test_answers_without_a_picture(server: OpenAIImages) -> None:
    server.script("data_empty", "data_null", "picture_missing", "error_with_200", "blocked", "blocked_by_policy")
    data = [ask(server).json().get("data") for _ in range(4)]
    assert data == [[], None, [{"revised_prompt": "a street"}], None]
    assert [ask(server).json()["error"]["code"] for _ in range(2)] == ["moderation_blocked", "content_policy_violation"]
    assert len(server.refused) == 2


def test_links_that_nobody_should_follow(server: OpenAIImages) -> None:
    server.script("always_links", "link_inwards", "link_to_a_file")
    assert [link(ask(server)).partition("/")[0] for _ in range(3)] == ["http:", "http:", "file:"]
