"""What the reads that clients of `/api` repeat most are answered with; see `routers.shown`."""

from __future__ import annotations

from models.row_versions import slot_of
from routers.gateway import serializers
from routers.serializers import UrlResolver
from routers.shown import Shown
from service import projects, tasks
from service.container import Services


def task(services: Services, task_id: str, link: UrlResolver) -> Shown:
    """`/api/tasks/:task_id/status`."""
    outcome = tasks.outcome(services, task_id)
    return Shown(slot_of(outcome.task.project_id), serializers.success(serializers.task(outcome, link)))


def storyboard(services: Services, project_id: str, link: UrlResolver) -> Shown:
    """`/api/projects/:project_id/storyboard`."""
    board = projects.storyboard(services, project_id)
    return Shown(slot_of(project_id), serializers.success(serializers.storyboard(board, link)))
