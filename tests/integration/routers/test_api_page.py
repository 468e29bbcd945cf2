"""`doc/api.md` and the code say the same: routes, parameters with their defaults, fields of the objects, errors."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from flask import Flask
from pydantic import BaseModel

from config.settings import Settings
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.project import Project
from models.rows import FilmRow
from models.shot import Shot
from models.task import Task
from routers import serializers
from routers.errors import TABLE
from routers.gateway import schemas as gateway
from routers.openapi import gateway_answers
from routers.openapi.operations import OPERATIONS
from service import project_options, schemas, shot_requests, upload_requests
from service.assets.shot_versions import Version
from service.container import Services
from service.film.spec import Transition
from service.node.interface import Voice
from service.webhooks import requests as webhook_requests

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "doc" / "api.md").read_text("utf-8")
ARGUMENT = re.compile(r"<(?:path:)?")
ROUTE = re.compile(r"^### ((?:GET|POST|PUT|PATCH|DELETE) /\S*)$", re.MULTILINE)

MODELS: dict[str, type[schemas.Request]] = {
    "POST /v1/api/projects": schemas.NewProject,
    "GET /v1/api/projects": schemas.PageRequest,
    "PUT /v1/api/projects/:project_id": schemas.ProjectChanges,
    "POST /v1/api/projects/batch": schemas.ProjectOptions,
    "POST /v1/api/projects/:project_id/resume": schemas.ResumeRequest,
    "POST /v1/api/projects/:project_id/cast": schemas.NewCastMember,
    "PATCH /v1/api/projects/:project_id/cast/:cast_id": schemas.CastChanges,
    "PATCH /v1/api/projects/:project_id": schemas.OptionChanges,
    "GET /v1/api/projects/:project_id/tasks": schemas.TaskPageRequest,
    "POST /v1/api/projects/:project_id/shots/:shot_id": schemas.ShotChanges,
    "DELETE /v1/api/projects/:project_id": shot_requests.UndoRequest,
    "POST /v1/api/projects/:project_id/shots": shot_requests.NewShot,
    "PATCH /v1/api/projects/:project_id/shots": shot_requests.ShotPatches,
    "PUT /v1/api/projects/:project_id/shots/order": shot_requests.ShotOrder,
    "PATCH /v1/api/projects/:project_id/shots/:shot_id": shot_requests.ShotPatch,
    "POST /v1/api/projects/:project_id/shots/:shot_id/split": shot_requests.ShotSplit,
    "POST /v1/api/projects/:project_id/shots/:shot_id/:kind": shot_requests.ShotUpload,
    "POST /v1/api/projects/:project_id/video": schemas.FilmRequest,
    "POST /v1/api/projects/:project_id/tts": schemas.NarrationRequest,
    "GET /v1/api/projects/:project_id/shots/:shot_id/thumbnail": schemas.PictureRequest,
    "GET /v1/api/projects/:project_id/films/:number/still": schemas.StillRequest,
    "POST /v1/api/music": schemas.MusicUpload,
    "GET /v1/api/voices/sample": schemas.VoiceRequest,
    "POST /v1/api/webhooks": webhook_requests.NewWebhook,
    "PATCH /v1/api/webhooks/:webhook_id": webhook_requests.WebhookChanges,
    "POST /v1/api/webhooks/:webhook_id/rotate": webhook_requests.NewSecret,
    "GET /v1/api/webhooks/:webhook_id/deliveries": webhook_requests.DeliveryPage,
    "POST /v1/api/auth/login": schemas.LoginRequest,
    "POST /v1/api/auth/refresh": schemas.RefreshRequest,
    "POST /api/projects/create": gateway.NewStory,
    "POST /api/shots/:shot_id/update_prompt": gateway.ShotTexts,
    "POST /api/shots/:shot_id/generate_image": gateway.ImageRequest,
    "POST /api/shots/:shot_id/generate_video": gateway.ClipRequest,
    "POST /api/oss/sts": upload_requests.StsRequest,
    "POST /api/oss/presign": upload_requests.PresignRequest,
    "POST /api/oss/complete": upload_requests.CompleteRequest,
}
SAME = {
    "GET /v1/api/projects/:project_id/cover": "GET /v1/api/projects/:project_id/shots/:shot_id/thumbnail",
    "DELETE /v1/api/projects/:project_id/shots/:shot_id": "DELETE /v1/api/projects/:project_id",
    "POST /v1/api/projects/:project_id/shots/:shot_id/narrations": "POST /v1/api/projects/:project_id/tts",
    "GET /api/projects": "GET /v1/api/projects",
    "POST /api/projects/:project_id/compose": "POST /v1/api/projects/:project_id/video",
    "POST /api/projects/:project_id/tts": "POST /v1/api/projects/:project_id/tts",
    "POST /api/auth/login": "POST /v1/api/auth/login",
    "POST /api/auth/refresh": "POST /v1/api/auth/refresh",
}
"""Routes whose parameters the page does not repeat, with those that it names instead."""


def section(title: str) -> str:
    """The text below a heading, up to the next one."""
    return re.split(r"^#+ ", PAGE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def names(title: str) -> list[str]:
    """The first column of a section's table, without its back-ticks."""
    return [row[0].strip("` |") for row in rows(title)]


def test_every_route_is_on_the_page_and_the_page_names_no_other(app: Flask) -> None:
    known = {
        f"{method} {ARGUMENT.sub(':', rule.rule).replace('>', '')}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(ROUTE.findall(PAGE)) == known


def test_no_route_is_described_twice() -> None:
    found = ROUTE.findall(PAGE)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("route", MODELS)
def test_every_parameter_is_on_the_page_with_its_default(route: str) -> None:
    written = {row[0].strip("`"): row[1] for row in rows(route)}
    assert written == {name: default(field) for name, field in MODELS[route].model_fields.items()}


def default(field: Any) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if value is None:
        return "—"
    if value == "":
        return '""'
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def test_every_request_that_can_be_parsed_belongs_to_a_route_on_the_page() -> None:
    parsed = {
        route: operation.request
        for route, operation in OPERATIONS.items()
        if operation.request is not None and issubclass(operation.request, schemas.Request)
    }
    assert {route: model for route, model in parsed.items() if route not in SAME} == MODELS


@pytest.mark.parametrize("route", SAME)
def test_a_route_that_takes_what_another_does_says_so(route: str) -> None:
    assert f"`{SAME[route]}`" in section(route)
    request = OPERATIONS[route].request
    assert request is not None
    assert issubclass(request, schemas.Request)
    left_out = set(MODELS[SAME[route]].model_fields) - set(request.model_fields)
    told = section(route).partition(SAME[route])[2]
    assert left_out == set(re.findall(r"`(\w+)`", told))


RESULTS: dict[str, type[BaseModel]] = {
    "storyboard": gateway_answers.StoryboardResult,
    "image": gateway_answers.ImageResult,
    "narration": gateway_answers.NarrationResult,
    "clip": gateway_answers.VideoResult,
    "film": gateway_answers.VideoResult,
}


def test_every_kind_of_task_has_its_results_on_the_page() -> None:
    written = {row[0]: re.findall(r"`(\w+)`", row[1].partition(";")[0]) for row in rows("Results")}
    assert written == {kind: list(model.model_fields) for kind, model in RESULTS.items()}


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.__name__)
def test_every_word_that_an_option_allows_is_on_the_page(model: type[schemas.Request]) -> None:
    [route] = [route for route, each in MODELS.items() if each is model]
    for row in rows(route):
        for word in _words(model.model_fields[row[0].strip("`")].annotation):
            assert f"`{word}`" in " ".join(row), row[0]


def _words(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if word]
    return [word for part in get_args(annotation) for word in _words(part)]


def test_every_transition_is_on_the_page() -> None:
    for transition in Transition:
        assert f"`{transition.value}`" in section("POST /v1/api/projects/:project_id/video")


NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
COMMON: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}


def test_every_field_of_the_objects_is_on_the_page(services: Services) -> None:
    link = serializers.UrlResolver(services.store, "http://host")
    project = Project(id="p", title="", story_text="", style="", status="created", **COMMON)
    shot = Shot(id="s", project_id="p", order=1, title="", status="pending", **COMMON)
    shot.cast = ()
    task = Task(id="t", project_id="p", shot_id="s", type="generate_shot", status="pending", **COMMON)
    asset = Asset(object_key="music/1.mp3", project_id="", kind="music", number=1, title="", size=1, created_at=NOW)
    film = FilmRow("projects/p/films/1.mp4", "p", "t", 1, "", "", 1, "video/mp4", None, NOW)
    assert names("Project") == list(serializers.project(project, link))
    member = CastMember(project_id="p", position=1, name="")
    assert names("Cast member") == list(serializers.cast_member(member, link))
    assert names("Options") == list(project_options.chosen(project))
    assert names("Shot") == list(serializers.shot(shot, link))
    assert sorted(names("Task")) == sorted(serializers.task(task, link))
    assert names("Film") == list(serializers.film(film, link))
    assert names("Voice") == list(serializers.voice(Voice("v", "", "", "", "", ""), ""))
    version = Version(AssetKind.IMAGE, 1, "", is_current=True, created_at=NOW)
    sound = serializers.version(replace(version, kind=AssetKind.NARRATION), link)
    assert set(names("Version")) | {"text"} == set(serializers.version(version, link)) | set(sound)
    assert names("Piece of music") == list(serializers.music(asset, link))


def test_the_table_of_errors_is_the_codes_own() -> None:
    written = {row[0].strip("`"): (int(row[1]), int(row[2])) for row in rows("Errors")}
    assert written == {type_.__name__: (int(answer.status), answer.code) for type_, answer in TABLE.items()}


LIMITS = {
    "story.max_chars": "20,000",
    "story.api_max_chars": "500",
    "story.max_title": "200",
    "story.default_shots": "6",
    "story.max_shots": "60",
    "server.max_request_line": "262,144",
    "film.max_music": "64 MiB",
    "film.max_upload": "128 MiB",
    "server.max_body": "1 MiB",
}


@pytest.mark.parametrize("key", LIMITS)
def test_limits_on_the_page_are_the_settings_own(key: str) -> None:
    part, name = key.split(".")
    value = getattr(getattr(Settings(), part), name)
    text = LIMITS[key]
    assert text == (f"{value >> 20} MiB" if text.endswith("MiB") else f"{value:,}")
    place = PAGE.index(f"`{key}`")
    assert text in PAGE[place - 80 : place]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_both_readmes_lead_to_the_page(name: str) -> None:
    assert "(doc/api.md)" in (ROOT / name).read_text("utf-8")
