"""How many processes serve, and what of the limits each of them has."""

from __future__ import annotations

import math

from common.cores import cores
from config.settings import Settings

THREADS_EACH = 8  # at least, where nobody says how many processes: with fewer, a few slow clients would hold all of one


def web_processes(settings: Settings) -> int:
    """`server.processes`, or where it is 0 one per core on a database server, and one on SQLite, which has one writer at a time anyway."""
    server = settings.server
    if server.processes or settings.is_on_sqlite:
        return server.processes or 1
    return max(1, min(cores(), server.threads // THREADS_EACH))


def shared_out(settings: Settings) -> Settings:
    """The settings as one of the processes has them: with their number, and with its share of the threads."""
    count = web_processes(settings)
    share = {"processes": count, "threads": math.ceil(settings.server.threads / count)}
    return settings.model_copy(update={"server": settings.server.model_copy(update=share)})


def described(settings: Settings, *, with_processor: bool = True) -> str:
    """For a person."""
    count = web_processes(settings)
    if count == 1:
        return "one process" + (" for requests and tasks" if with_processor else "")
    return f"{count} web processes" + (", and one that runs tasks" if with_processor else "")
