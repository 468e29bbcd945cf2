"""What a command says: objects as JSON or as lines on standard output, how far things are on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from runtime.client.api import Json
from runtime.client.fetching import Told
from runtime.client.following import Show

STAGES = {
    "generate_storyboard": "storyboard",
    "generate_shot": "images",
    "generate_audio": "narration",
    "generate_video": "film",
}


class Screen:
    """`as_json`: one object a line, for programs."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def say(self, found: Json, *lines: str) -> None:
        """What was found, or the lines that a person reads of it."""
        for line in [json.dumps(found, ensure_ascii=False)] if self.as_json else lines:
            click.echo(line)

    def table(self, found: Json, rows: Iterable[Sequence[Any]]) -> None:
        """The same, of a list; its columns are parted by tabs."""
        self.say(found, *("\t".join(_one_line(cell) for cell in row) for row in rows))

    @contextmanager
    def progress(self) -> Iterator[Show]:
        """How far tasks are: bars on a terminal, else a line whenever one has ended; as JSON each task that changes."""
        if self.as_json:
            yield _Changes()
        elif sys.stderr.isatty():
            with _bars() as bars:
                yield bars
        else:
            yield _Lines()

    @contextmanager
    def received(self) -> Iterator[Told]:
        """How much of a file is there."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda _there, _whole: None
            return
        from rich.console import Console  # noqa: PLC0415 - only where a terminal is there
        from rich.progress import Progress  # noqa: PLC0415

        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task("download", total=None)
            yield lambda there, whole: progress.update(bar, completed=there, total=whole or None)


class _Changes:
    def __init__(self) -> None:
        self._said: dict[str, Json] = {}

    def __call__(self, tasks: list[Json]) -> None:
        for task in tasks:
            if self._said.get(task["id"]) != task:
                self._said[task["id"]] = task
                click.echo(json.dumps(task, ensure_ascii=False))


class _Lines:
    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __call__(self, tasks: list[Json]) -> None:
        for stage, rows in _stages(tasks).items():
            ended = sum(row["status"] == "finished" for row in rows)
            failed = sum(row["status"] in ("failed", "cancelled") for row in rows)
            line = f"{stage}: {ended} of {len(rows)}" + (f", {failed} failed" if failed else "")
            if self._said.get(stage) != line:
                self._said[stage] = line
                click.echo(line, err=True)


@contextmanager
def _bars() -> Iterator[Show]:
    from rich.console import Console  # noqa: PLC0415 - only where a terminal is there
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    note = TextColumn("{task.fields[note]}", markup=False)
    with Progress(*columns, TimeElapsedColumn(), note, console=Console(stderr=True)) as progress:
        ids: dict[str, Any] = {}

        def show(tasks: list[Json]) -> None:
            for stage, rows in _stages(tasks).items():
                if stage not in ids:
                    ids[stage] = progress.add_task(stage, total=100, note="")
                percent = sum(100 if row["status"] == "finished" else row["progress"] for row in rows) / len(rows)
                at_work = next((row["message"] for row in rows if row["status"] == "processing"), "")
                progress.update(ids[stage], completed=percent, note=_one_line(at_work)[:40])

        yield show


def _stages(tasks: list[Json]) -> dict[str, list[Json]]:
    """The tasks by what they make; a narration of all shots is told by those of its shots."""
    found: dict[str, list[Json]] = {}
    speaks_shots = any(task["type"] == "generate_audio" and task.get("shotId") for task in tasks)
    for task in tasks:
        if task["type"] == "generate_audio" and speaks_shots and not task.get("shotId"):
            continue
        is_clip = task["type"] == "generate_video" and task.get("shotId")
        stage = "clips" if is_clip else STAGES.get(task["type"]) or str(task["type"])
        found.setdefault(stage, []).append(task)
    return found


def _one_line(cell: Any) -> str:
    """Titles and messages are other people's: nothing in them moves the cursor."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(cell))
    return " ".join(text.split())
