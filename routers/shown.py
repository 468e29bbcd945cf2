"""What the reads that clients repeat most are answered with: for their routes, and for `routers.hot_reads`, which stands before them.

Each of these is made of the rows of one project alone, and of nothing else that changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from flask import Response, jsonify, request

from models.row_state import state_of
from models.row_versions import slot_of, task_slot_of
from routers import entity_tags, serializers
from routers.serializers import Json, UrlResolver
from service import project_options, projects, shots, tasks
from service.container import Services

# In the environment: that it is such an answer; what was raised already when it was tried.
SHOWN, FAILED = "storytovideo.shown", "storytovideo.failed"


class Shown(NamedTuple):
    """An answer, and the slot of its rows in `models.row_versions`; `state` is "" or that of the row which clients may change by it."""

    slot: int
    body: Json
    state: str = ""


Show = Callable[[Services, str, UrlResolver], Shown]
"""Of the id in the address; raises `NotFound`."""


def task(services: Services, task_id: str, link: UrlResolver) -> Shown:
    """`/v1/api/tasks/:task_id`."""
    row = tasks.read(services, task_id)
    return Shown(task_slot_of(row.project_id), {"task": serializers.task(row, link)})


def project(services: Services, project_id: str, link: UrlResolver) -> Shown:
    """`/v1/api/projects/:project_id`."""
    found = projects.get(services, project_id)
    body = {
        "project_detail": serializers.project_detail(found.project, link),
        "shots": [serializers.shot(row, link) for row in found.shots],
        "recent_task": serializers.task(found.recent_task, link) if found.recent_task else None,
        "options": project_options.chosen(found.project),
        "film": serializers.shown_film(found.film, link),
    }
    return Shown(slot_of(project_id), body, state_of(found.project))


def shots_of_project(services: Services, project_id: str, link: UrlResolver) -> Shown:
    """`/v1/api/projects/:project_id/shots`."""
    found = [serializers.shot(row, link) for row in shots.of_project(services, project_id)]
    return Shown(slot_of(project_id), {"shots": found, "project_id": project_id, "total_shots": len(found)})


def answer(services: Services, show: Show, id_: str) -> Response:
    """The same for a route of Flask's."""
    failed = request.environ.pop(FAILED, None)
    if failed is not None:
        raise failed
    _, body, state = show(services, id_, UrlResolver.of(services, request))
    request.environ[SHOWN] = True
    response = jsonify(body)
    if state:
        response.headers["ETag"] = entity_tags.tag_of(state, response.get_data())
    return response
