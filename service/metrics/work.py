"""What processors do: how long the stages of stories and films take, how quickly films are made, and what of them was there already.

And the connections to the database that are in use, of every process.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Engine, QueuePool, event

from models.db import Database
from service.metrics.instruments import Counter, Histogram, InUse, Latest

BOUNDS_S = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
TASKS = ("storyboard", "image", "narration", "film", "clip")  # from a task's claim to its end
FILM = ("fetch", "plan", "picture", "sound", "join")  # parts of a film's

STAGES = Histogram("stage_seconds", "Stages of stories and films.", BOUNDS_S, ("stage",))
SPEED = Latest("film_seconds_per_second", "Seconds of film made in a second, of the last film.")
HITS = Counter("cache_hits", "Segments of films that were there already.")
MISSES = Counter("cache_misses", "Segments of films that had to be made.")
IN_USE = InUse("db_pool_in_use", "Connections to the database at work.")


def begin() -> None:
    """Let all of them be there, with nothing."""
    for stage in (*TASKS, *FILM):
        STAGES.begin(stage)
    for counter in (HITS, MISSES):
        counter.add(0.0)


def made_film(duration_s: float, seconds: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """A film is made: `seconds` by stage, `counts` of its segments, as its report's log has them."""
    for stage in FILM:
        if stage in seconds:
            STAGES.observe(float(seconds[stage]), stage)
    if seconds.get("total"):
        SPEED.set(duration_s / float(seconds["total"]), time.time())
    HITS.add(float(counts.get("segments_reused", 0)))
    MISSES.add(float(counts.get("segments_made", 0)))


def watch(database: Database) -> None:
    """Keep the number of the database's connections that are in use."""
    for part, engine in {"units of work": database.engine, "reads": database.reads}.items():
        if part == "reads" and engine is database.engine:
            continue
        event.listen(engine, "checkout", partial(_note, engine, part, 0))
        event.listen(engine, "checkin", partial(_note, engine, part, 1))  # it is still counted then


def _note(engine: Engine, part: str, less: int, *_: object) -> None:
    pool = engine.pool
    if isinstance(pool, QueuePool):
        IN_USE.set(max(0, pool.checkedout() - less), part)
