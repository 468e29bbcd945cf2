"""What these tests hold up, and how long they wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from service import films
from service.schemas import FilmRequest
from tests.integration.processor.conftest import Backend
from tests.support.columns import DATABASES

PATIENCE_S = 60
every_database = pytest.mark.parametrize("settings", DATABASES, indirect=True)


def method(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one that a class may have."""

    def called(*arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    return called


class Held:
    """A function whose first call waits."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self._function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if not self.entered.is_set():
            self.entered.set()
            assert self.leave.wait(120)
        return self._function(*arguments, **options)


def film(backend: Backend, project_id: str, shot_id: str = "") -> str:
    return films.request(backend.services, project_id, FilmRequest(shot_id=shot_id, narration="none"))
