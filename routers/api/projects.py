"""`/v1/api/projects`: create, list, read, change, delete, take away."""

from __future__ import annotations

from flask import Blueprint, Response, request

from routers import entity_tags, request_params, serializers, shown
from routers.api.files import harmless
from service import archive, deletions, project_options, projects, tasks
from service.container import Services
from service.oss.file_name import attachment, file_name
from service.schemas import NewProject, OptionChanges, PageRequest, ProjectChanges, TaskPageRequest
from service.shot_requests import UndoRequest


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("projects", __name__)

    @routes.post("/projects")
    def create() -> serializers.Json:
        created = projects.create(services, request_params.parse(NewProject, request, services.settings))
        return {
            "project_id": created.project_id,
            "text_task_id": created.text_task_id,
            "shot_task_ids": created.shot_task_ids,
            **({"film_task_id": created.film_task_id} if created.film_task_id else {}),
        }

    @routes.get("/projects")
    def page() -> serializers.Json:
        found = projects.page(services, request_params.parse(PageRequest, request, services.settings))
        link = serializers.UrlResolver.of(services, request)
        return {
            "items": [serializers.project_in_list(row, link) for row in found.items],
            "page": found.page,
            "page_size": found.page_size,
            "total": found.total,
        }

    @routes.get("/projects/<project_id>")
    def read(project_id: str) -> Response:
        return shown.answer(services, shown.project, project_id)

    @routes.put("/projects/<project_id>")
    def update(project_id: str) -> Response:
        changes = request_params.parse(ProjectChanges, request, services.settings)
        updated = projects.update(services, project_id, changes, entity_tags.known(request))
        link = serializers.UrlResolver.of(services, request)
        body = {
            "project": serializers.project_detail(updated.project, link),
            "updateAT": serializers.time(updated.updated_at),
            "deleted": updated.deleted,
            "text_task": updated.text_task,
            "shot_tasks": updated.shot_tasks,
            "film": serializers.shown_film(updated.film, link),
        }
        return entity_tags.tagged(body, updated.project)

    @routes.patch("/projects/<project_id>")
    def change_options(project_id: str) -> serializers.Json:
        changes = request_params.parse(OptionChanges, request, services.settings)
        changed = projects.change_options(services, project_id, changes)
        link = serializers.UrlResolver.of(services, request)
        return {"project": serializers.project_detail(changed, link), "options": project_options.chosen(changed)}

    @routes.delete("/projects/<project_id>")
    def delete(project_id: str) -> serializers.Json:
        wanted, known = request_params.parse(UndoRequest, request, services.settings), entity_tags.known(request)
        if wanted.undo:
            until = deletions.delete_project(services, project_id, known)
            deleted = until - deletions.UNDO
            more = {"undo_until": serializers.time(until)}
        else:
            deleted, more = projects.delete(services, project_id, known), {}
        return {"success": True, "deleteAt": serializers.time(deleted), "message": "项目已删除", **more}

    @routes.post("/projects/<project_id>/undelete")
    def undelete(project_id: str) -> serializers.Json:
        link = serializers.UrlResolver.of(services, request)
        return {"project": serializers.project_detail(deletions.undelete_project(services, project_id), link)}

    @routes.get("/projects/<project_id>/tasks")
    def tasks_of_project(project_id: str) -> serializers.Json:
        wanted = request_params.parse(TaskPageRequest, request, services.settings)
        link = serializers.UrlResolver.of(services, request)
        if wanted.page is None:
            rows = tasks.of_project(services, project_id)
            place, total = serializers.Json(), len(rows)
        else:
            place = {"page": wanted.page, "page_size": wanted.page_size}
            rows, total = tasks.page_of_project(services, project_id, **place)
        found = [serializers.task(row, link) for row in rows]
        return {"tasks": found, "project_id": project_id, "total_tasks": total, **place}

    @routes.get("/projects/<project_id>/archive")
    def everything(project_id: str) -> Response:
        found = archive.of_project(services, project_id)
        response = Response(archive.stream(services, found), mimetype="application/zip")
        response.headers["Content-Disposition"] = attachment(file_name(found.title or project_id, ".zip"))
        return harmless(response)

    return routes
