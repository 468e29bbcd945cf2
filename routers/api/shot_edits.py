"""Changes of a project's row of shots: `/v1/api/projects/:project_id/shots`."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from common.errors import InvalidInput, PreconditionFailed
from routers import entity_tags, request_params, serializers
from routers.errors import TABLE
from service import deletions, schemas, shot_edits, shot_undo, shots
from service.container import Services
from service.fields import is_id
from service.schemas import fold
from service.shot_edits import Patch, Patched
from service.shot_requests import NewShot, ShotOrder, ShotPatch, ShotPatches, ShotSplit, UndoRequest

ROW = "/projects/<project_id>/shots"
SHOT = f"{ROW}/<shot_id>"


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("shot_edits", __name__)

    def shown(project_id: str, *shot_ids: str) -> list[serializers.Json]:
        link = serializers.UrlResolver.of(services, request)
        return [serializers.shot(shots.get(services, project_id, shot_id), link) for shot_id in shot_ids]

    @routes.post(ROW)
    def insert(project_id: str) -> tuple[serializers.Json, int]:
        wanted = request_params.parse(NewShot, request, services.settings)
        made = shot_edits.insert(services, project_id, wanted, first=_is_null("after"))
        return {"shot": shown(project_id, made)[0]}, 201

    @routes.post(f"{SHOT}/duplicate")
    def duplicate(project_id: str, shot_id: str) -> tuple[serializers.Json, int]:
        return {"shot": shown(project_id, shot_edits.duplicate(services, project_id, shot_id))[0]}, 201

    @routes.post(f"{SHOT}/split")
    def split(project_id: str, shot_id: str) -> serializers.Json:
        wanted = request_params.parse(ShotSplit, request, services.settings)
        second, until = shot_edits.split(services, project_id, shot_id, wanted.at)
        return {"shots": shown(project_id, shot_id, second), "undo_until": serializers.time(until)}

    @routes.post(f"{SHOT}/merge")
    def merge(project_id: str, shot_id: str) -> serializers.Json:
        merged, until = shot_edits.merge(services, project_id, shot_id)
        return {"shot": shown(project_id, merged)[0], "undo_until": serializers.time(until)}

    @routes.post(f"{SHOT}/undo")
    def undo(project_id: str, shot_id: str) -> serializers.Json:
        """Of a split or a merge."""
        return {"shots": shown(project_id, *shot_undo.undo(services, project_id, shot_id))}

    @routes.put(f"{ROW}/order")
    def reorder(project_id: str) -> serializers.Json:
        wanted = request_params.parse(ShotOrder, request, services.settings)
        link = serializers.UrlResolver.of(services, request)
        ordered = shot_edits.reorder(services, project_id, wanted.order)
        return {"shots": [serializers.shot(row, link) for row in ordered]}

    @routes.patch(ROW)
    def patch_several(project_id: str) -> serializers.Json:
        wanted = request_params.parse(ShotPatches, request, services.settings)
        link = serializers.UrlResolver.of(services, request)
        done = shot_edits.patch(services, project_id, [_patch(services, item) for item in wanted.shots])
        return {"results": [_result(one, link) for one in done]}

    @routes.patch(SHOT)
    def patch(project_id: str, shot_id: str) -> Response:
        changes = request_params.parse(ShotPatch, request, services.settings)
        [done] = shot_edits.patch(services, project_id, [Patch(shot_id, lambda: changes, entity_tags.known(request))])
        if done.shot is None:
            raise done.error or AssertionError
        shot = serializers.shot(done.shot, serializers.UrlResolver.of(services, request))
        return entity_tags.tagged({"shot": shot}, done.shot)

    @routes.delete(SHOT)
    def delete(project_id: str, shot_id: str) -> serializers.Json:
        wanted, known = request_params.parse(UndoRequest, request, services.settings), entity_tags.known(request)
        body: serializers.Json = {"message": "分镜已删除", "shot_id": shot_id, "project_id": project_id}
        if wanted.undo:
            until = deletions.delete_shot(services, project_id, shot_id, known)
            return {**body, "undo_until": serializers.time(until)}
        shots.delete(services, shots.get(services, project_id, shot_id).id, known)
        return body

    @routes.post(f"{SHOT}/undelete")
    def undelete(project_id: str, shot_id: str) -> serializers.Json:
        deletions.undelete_shot(services, project_id, shot_id)
        return {"shot": shown(project_id, shot_id)[0]}

    return routes


def _is_null(name: str) -> bool:
    """Whether a parameter was given as null, which for others is as good as not at all."""
    given = {fold(key): value for key, value in request_params.read(request).items()}
    return fold(name) in given and given[fold(name)] is None


def _patch(services: Services, item: dict[str, Any]) -> Patch:
    """An item of several. What is wrong with it is told with its result."""
    given = {fold(name): value for name, value in item.items()}
    shot_id, tags = given.pop("id", None), given.pop("ifmatch", None)
    named = shot_id if isinstance(shot_id, str) and is_id(shot_id) else ""
    known = entity_tags.known_by(tags) if isinstance(tags, str) and tags else None
    return Patch(named, partial(_changes, services, item if named else None), known)


def _changes(services: Services, item: dict[str, Any] | None) -> ShotPatch:
    if item is None:
        raise InvalidInput("id", "id 须为分镜的编号")
    return schemas.parse(ShotPatch, item, services.settings)


def _result(done: Patched, link: serializers.UrlResolver) -> serializers.Json:
    error = done.error
    if error is None:
        return {"id": done.shot_id, "status": 200, "shot": serializers.shot(done.shot, link) if done.shot else None}
    found: serializers.Json = {"id": done.shot_id, "status": int(TABLE[type(error)].status), "error": str(error)}
    if isinstance(error, InvalidInput):
        found["field"] = error.field
    return {**found, **(entity_tags.present(error, link) if isinstance(error, PreconditionFailed) else {})}
