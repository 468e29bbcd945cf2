"""Trying a use case again when the database chose it as the victim of a deadlock."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from common.errors import DatabaseUnavailable
from models.db import is_conflict

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 6
FIRST_PAUSE_S = 0.02


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Call the function again, a little later each time, while its unit of work ends in a deadlock or a lock wait.

    Nothing of such a unit of work is stored; whatever must happen once (enqueueing, a request to the node) stands behind it in the
    function, and so has not happened either.
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return function(*args, **kwargs)
            except DatabaseUnavailable as error:
                if not is_conflict(error.__cause__):
                    raise
            time.sleep(FIRST_PAUSE_S * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - spreads rivals, guards nothing
        return function(*args, **kwargs)

    return wrapper
