"""`/v1/api/projects`: create, list, read, change, delete."""

from __future__ import annotations

from flask import Blueprint, request

from routers import params, wire
from service import projects, tasks
from service.context import Services
from service.requests import NewProject, PageRequest, ProjectChanges


def blueprint(services: Services) -> Blueprint:
    """The routes over these services."""
    routes = Blueprint("projects", __name__)

    @routes.post("/projects")
    def create() -> wire.Json:
        created = projects.create(services, params.parse(NewProject, request, services.settings))
        return {
            "project_id": created.project_id,
            "text_task_id": created.text_task_id,
            "shot_task_ids": created.shot_task_ids,
        }

    @routes.get("/projects")
    def page() -> wire.Json:
        found = projects.page(services, params.parse(PageRequest, request, services.settings))
        link = wire.Links.of(services, request)
        return {
            "items": [wire.project(row, link) for row in found.items],
            "page": found.page,
            "page_size": found.page_size,
            "total": found.total,
        }

    @routes.get("/projects/<project_id>")
    def read(project_id: str) -> wire.Json:
        view = projects.get(services, project_id)
        link = wire.Links.of(services, request)
        return {
            "project_detail": wire.project_detail(view.project, link),
            "shots": [wire.shot(row, link) for row in view.shots],
            "recent_task": wire.task(view.recent_task, link) if view.recent_task else None,
        }

    @routes.put("/projects/<project_id>")
    def update(project_id: str) -> wire.Json:
        changes = params.parse(ProjectChanges, request, services.settings)
        updated = projects.update(services, project_id, changes)
        return {
            "project": wire.project_detail(updated.project, wire.Links.of(services, request)),
            "updateAT": wire.time(updated.updated_at),
            "deleted": updated.deleted,
            "text_task": updated.text_task,
            "shot_tasks": updated.shot_tasks,
        }

    @routes.delete("/projects/<project_id>")
    def delete(project_id: str) -> wire.Json:
        return {"success": True, "deleteAt": wire.time(projects.delete(services, project_id)), "message": "项目已删除"}

    @routes.get("/projects/<project_id>/tasks")
    def tasks_of_project(project_id: str) -> wire.Json:
        link = wire.Links.of(services, request)
        found = [wire.task(row, link) for row in tasks.of_project(services, project_id)]
        return {"tasks": found, "project_id": project_id, "total_tasks": len(found)}

    return routes
