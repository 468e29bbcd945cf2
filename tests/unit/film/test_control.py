"""Work beside other work: which of two reasons to stop is told."""

from __future__ import annotations

import threading

import pytest

from common.errors import Cancelled
from service.film.control import BackgroundWork, CancelScope
from service.film.errors import FilmError
from service.film.spec import Cancel
from tests.support.wait import wait_until


def _until_stopped(cancel: Cancel) -> None:
    wait_until(cancel.is_set)
    raise Cancelled


@pytest.mark.parametrize("end", ["check", "wait"])
def test_over_the_time_limit_it_is_the_limit_that_is_told(end: str) -> None:
    scope = CancelScope(threading.Event(), timeout_s=0.05)
    scope.begin()
    background = BackgroundWork(_until_stopped, scope)
    wait_until(lambda: background.error is not None)
    with pytest.raises(FilmError, match="超过时限"):
        getattr(background, end)()


@pytest.mark.parametrize("end", ["check", "wait"])
def test_a_failure_of_the_work_is_told_as_it_is(end: str) -> None:
    def fail(_cancel: Cancel) -> None:
        raise FilmError("sound", "旁白无法使用", shot=2)

    scope = CancelScope(threading.Event(), timeout_s=60)
    scope.begin()
    background = BackgroundWork(fail, scope)
    wait_until(lambda: background.error is not None)
    with pytest.raises(FilmError, match="镜头 2"):
        getattr(background, end)()
