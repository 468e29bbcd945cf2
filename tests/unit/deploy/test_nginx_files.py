"""deploy/nginx against the server's own lists: its public routes, its parameters that hold people's words, and the shape of its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from routers.gateway import schemas as gateway_schemas
from routers.openapi.operations import OPERATIONS
from service import schemas

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "nginx"
TARGETS = (FOLDER / "modsecurity/targets.conf").read_text("utf-8")
BEFORE = (FOLDER / "modsecurity/before.conf").read_text("utf-8")
TEXTS = {"story", "story_text", "title", "description", "desription", "style", "prompt", "negative_prompt", "narration"}
MORE = {"image_llm", "look"}  # an older client's word for a prompt, and how somebody of the cast looks
LOOKS_AFTER_ITSELF = {"GET /static/:name": False, "GET /v1/api/voices/sample": True}
"""nginx's answers that are not the gate's: a voice's sample may have a signed link in the place of a credential."""


def public_patterns() -> list[re.Pattern[str]]:
    block = (FOLDER / "maps.conf").read_text("utf-8").partition("$is_public {")[2].partition("}\n#")[0]
    return [re.compile(text) for text in re.findall(r'^    "~(.+)" 1;$', block, re.MULTILINE)]


@pytest.mark.parametrize("route", OPERATIONS)
def test_nginx_asks_for_a_credential_where_the_gate_does(route: str) -> None:
    method, _, path = route.partition(" ")
    asked = f"{method} {re.sub(r':[a-z_]+', 'x', path)}{'?voice=x' if 'sample' in path else ''}"
    is_public = any(pattern.search(asked) for pattern in public_patterns())
    assert is_public == LOOKS_AFTER_ITSELF.get(route, OPERATIONS[route].public)
    assert any(pattern.search(f"OPTIONS {path}") for pattern in public_patterns())


def requests(module: object) -> Iterator[type[schemas.Request]]:
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, schemas.Request):
            yield value


def parameters() -> set[str]:
    models = [*requests(schemas), *requests(gateway_schemas)]
    return {name for model in models for name in (*model.model_fields, *model.misspelt)}


def left_out() -> list[re.Pattern[str]]:
    return [
        re.compile(text) for text in re.findall(r'^SecRuleUpdateTargetByTag "OWASP_CRS" "!ARGS:/(.+)/"$', TARGETS, re.M)
    ]


def spellings(name: str) -> set[str]:
    words = name.split("_")
    joined = {"_".join(words), "-".join(words), "".join(words), "".join(word.title() for word in words), name.upper()}
    return joined | {f"json.{each}" for each in joined} | {f"json.parameters.shot.{each}" for each in joined}


@pytest.mark.parametrize("name", sorted(parameters() | MORE))
def test_the_rules_leave_out_what_holds_people_s_words_and_nothing_else(name: str) -> None:
    is_text = schemas.fold(name) in map(schemas.fold, TEXTS | MORE)
    for spelling in spellings(name):
        assert any(pattern.search(spelling) for pattern in left_out()) == is_text, spelling
        assert not is_text or re.search(
            BEFORE.partition("REQUEST_HEADERS_NAMES")[2].split('"@rx ')[1].split('" \\')[0], spelling.lower()
        )


def test_every_text_is_a_parameter_and_the_cast_is_one_of_json() -> None:
    assert parameters() >= TEXTS
    assert any(pattern.search("json.cast.array_0.name") for pattern in left_out())
    assert not any(
        pattern.search(name) for pattern in left_out() for name in ("cast", "q", "json.q", "storyx", "xtitle", "tags")
    )


def test_errors_have_the_server_s_form_on_both_surfaces() -> None:
    bodies = re.findall(r"return (\d+) '(.+)';", (FOLDER / "errors.conf").read_text("utf-8"))
    assert len(bodies) > 20
    for status, text in bodies:
        body = json.loads(text.replace("$rid", "x"))
        assert body["code"] == int(status)
        assert set(body) - {"error"} == {"code", "message", "request_id"}
        assert body.get("error", body["message"]) == body["message"]
