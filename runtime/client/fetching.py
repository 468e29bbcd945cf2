"""Files of a project: a film goes on where it was broken off, and lies under its name when it is whole."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from runtime.client.api import Api, Json
from runtime.client.outcomes import NoFile, Refused, Unreachable

CHUNK = 1 << 16  # of a connection that breaks, what came since the last one is lost
CONNECT_S, SILENCE_S = 10.0, 60.0
TRIES, PAUSE_S = 5, 1.0  # without a byte more
FILES = {"film": ".mp4", "cover": ".jpg", "srt": ".srt", "ass": ".ass", "archive": ".zip"}
PARTIAL, NO_SUCH_PART = 206, 416

Told = Callable[[int, int], None]
"""Bytes that are there, and of how many; 0 where nobody knows."""


def film_of(api: Api, project_id: str, *, number: int = 0, task_id: str = "") -> Json:
    """The project's film of this number, or that a task made; without either its newest. Raises `Refused` where there is none."""
    films: list[dict[str, Any]] = api.call("GET", f"/projects/{project_id}/films")["films"]
    found = [film for film in films if number in (0, film["number"]) and task_id in ("", film["taskId"])]
    if not found:
        raise Refused("the project has no such film" if number or task_id else "the project has no film yet")
    return max(found, key=lambda film: int(film["number"]))


def link_of(film: Json, what: str) -> str:
    """The address of the film or of what belongs to it; raises `Refused` where that is not there."""
    found = {"film": film["url"], "cover": film["cover"], **film["subtitles"]}.get(what)
    if not found:
        raise Refused(f"film {film['number']} has no {what}")
    return str(found)


def file_name(title: str, project_id: str, what: str) -> str:
    """A name that no file system minds."""
    return (re.sub(r"[^0-9A-Za-z\u3400-\u9fff]+", "-", title).strip("-")[:60] or project_id) + FILES[what]


def fetch(url: str, target: Path, told: Told) -> None:
    """Download into `target`. What is there of an earlier try is kept beside it, and asked for no more.

    The address is signed and needs no header: it may be another host's. Raises `Unreachable`, `Refused`, `NoFile`.
    """
    part = target.with_name(f"{target.name}.{hashlib.sha256(urlsplit(url).path.encode()).hexdigest()[:8]}.part")
    left = TRIES
    try:
        while True:
            before = part.stat().st_size if part.exists() else 0
            try:
                _go_on(url, part, told)
            except requests.RequestException as error:
                got_more = part.exists() and part.stat().st_size > before
                left = TRIES if got_more else left - 1
                if not left:
                    raise Unreachable(f"the download breaks off: {error}") from error
                time.sleep(PAUSE_S)
                continue
            part.replace(target)
            return
    except OSError as error:
        raise NoFile(f"{target}: {error.strerror or error}") from error


def _go_on(url: str, part: Path, told: Told) -> None:
    there = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={there}-"} if there else {}
    headers["Accept-Encoding"] = "identity"
    with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_S, SILENCE_S)) as answer:
        if answer.status_code == NO_SUCH_PART:
            if answer.headers.get("Content-Range") != f"bytes */{there}":  # else it was whole already
                part.unlink()
                raise requests.ConnectionError("what was there before is of another file")
            return
        if not answer.ok:
            raise Refused(f"the file is not to be had ({answer.status_code})")
        if answer.status_code != PARTIAL:
            there = 0
        length = int(answer.headers.get("Content-Length") or 0)
        _write(answer, part, there, there + length if length else 0, told)


def save(answer: requests.Response, target: Path, told: Told) -> None:
    """Keep an answer that cannot be had in parts."""
    part = target.with_name(f"{target.name}.part")
    try:
        with answer:
            _write(answer, part, 0, 0, told)
        part.replace(target)
    except requests.RequestException as error:
        raise Unreachable(f"the download breaks off: {error}") from error
    except OSError as error:
        raise NoFile(f"{target}: {error.strerror or error}") from error


def _write(answer: requests.Response, part: Path, there: int, whole: int, told: Told) -> None:
    with part.open("ab" if there else "wb") as file:
        for chunk in answer.iter_content(CHUNK):
            file.write(chunk)
            there += len(chunk)
            told(there, whole)
    if there < whole:
        raise requests.ConnectionError(f"{there} of {whole} bytes came")
