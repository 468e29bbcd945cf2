"""What a project's WebSocket says, as the document describes it."""

from __future__ import annotations

from typing import Literal

from routers.openapi import answers


class ProjectInFeed(answers.ProjectInList):
    """A project without its story."""

    story_excerpt: str = ""


class FeedMessage(answers.Answer):
    """What a project's WebSocket says: all of it (`snapshot`), a row as it newly is, that nothing happened, or that the project is gone."""

    seq: int
    type: Literal["snapshot", "project", "shot", "task", "film", "heartbeat", "gone"]
    project: ProjectInFeed | None = None
    shot: answers.Shot | None = None
    task: answers.Task | None = None
    film: answers.Film | None = None
    shots: list[answers.Shot] = []
    tasks: list[answers.Task] = []
    films: list[answers.Film] = []
