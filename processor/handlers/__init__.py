"""What is done for each type of task. Every handler is `run(claimed)`; a task is finished only once its result is stored."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from models.task import Task, TaskType

if TYPE_CHECKING:
    from processor.claimed_task import ClaimedTask

_MODULES = {
    TaskType.STORYBOARD: "storyboard",
    TaskType.IMAGE: "image",
    TaskType.NARRATION: "narration",
    TaskType.FILM: "film",
}


def handler_of(task: Task) -> Callable[[ClaimedTask], None]:
    """The handler of a task; a film's for one shot makes its clip.

    It is imported with the first task of its type: what decodes and draws would be a good part of a server's start.
    """
    module = "clip" if task.type == TaskType.FILM and task.target_shot_id else _MODULES[TaskType(task.type)]
    run: Callable[[ClaimedTask], None] = import_module(f"{__name__}.{module}").run
    return run
