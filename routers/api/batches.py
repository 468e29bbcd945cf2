"""`/v1/api/projects/batch`: many stories in one request, each with a result of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Request, request
from werkzeug.exceptions import UnsupportedMediaType

from common.errors import InvalidInput, KeyReused, StoryToVideoError
from routers import request_params, serializers
from routers.errors import in_words
from service import projects, schemas
from service.batches import stories, zip_file
from service.batches.stories import Story
from service.batches.text_file import decoded
from service.container import Services
from service.schemas import NewProject, ProjectOptions
from service.workflow import once

LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
ZIPS = ("application/zip", "application/x-zip-compressed")
MAX_BODY = zip_file.MAX_UNPACKED + (1 << 20)  # bytes: what is not compressed, and its headers


def blueprint(services: Services, count: Callable[[], None]) -> Blueprint:
    """The route over these services; `count` counts each story after the first as a request, and raises `TooManyRequests`."""
    routes = Blueprint("batches", __name__)

    @routes.post("/projects/batch")
    def create() -> serializers.Json:
        request.max_content_length = MAX_BODY
        common = request_params.parse(ProjectOptions, request, services.settings, with_body=False)
        found = _stories(services, request)
        for number in range(len(found)):
            once.check_part(services, number)
        given = common.model_dump(exclude_unset=True, exclude={"film"}) | _film_of(common)
        return {"results": [_result(services, given, number, story, count) for number, story in enumerate(found)]}

    return routes


def _film_of(common: ProjectOptions) -> dict[str, Any]:
    return {} if common.film is None else {"film": common.film.model_dump(exclude_unset=True)}


def _stories(services: Services, asked: Request) -> list[Story]:
    if asked.mimetype not in (*LINES, *ZIPS):
        raise UnsupportedMediaType
    body = request_params.body_of(asked)
    if asked.mimetype in ZIPS:
        return stories.of_archive(body, max_title=services.settings.story.max_title)
    try:
        lines = [line for line in decoded(body).split("\n") if line.strip()]
    except ValueError as error:
        raise InvalidInput("body", f"请求体{error}") from error
    stories.check_count(len(lines))
    return list(map(_of_line, lines))


def _of_line(line: str) -> Story:
    try:
        found = request_params.json_object(line.encode())
    except InvalidInput as error:
        return Story("", error=error)
    title = next((value for name, value in found.items() if schemas.fold(name) == "title"), "")
    return Story(title[:200] if isinstance(title, str) else "", dict(found))


def _result(
    services: Services, common: Mapping[str, Any], number: int, story: Story, count: Callable[[], None]
) -> serializers.Json:
    place: serializers.Json = {"index": number, "name": story.name}
    try:
        if number:
            count()
        if story.error is not None:
            raise story.error
        wanted = schemas.parse(NewProject, dict(_merged(common, story.parameters)), services.settings)
        with once.part(number):
            created = projects.create(services, wanted)
    except KeyReused:
        raise
    except StoryToVideoError as error:
        status, text, field = in_words(error)
        return {**place, "status": status, "error": text, **({"field": field} if field else {})}
    film = {"film_task_id": created.film_task_id} if created.film_task_id else {}
    return {**place, "status": 200, "project_id": created.project_id, **film}


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A story's own parameters, and those of all that it does not have, in whatever spelling."""
    yield from own.items()
    named = {schemas.fold(name) for name, value in own.items() if value not in (None, "")}
    yield from ((name, value) for name, value in common.items() if schemas.fold(name) not in named)
