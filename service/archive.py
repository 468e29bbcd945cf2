"""All that a project has in one ZIP, written as it is read: neither memory nor a disk holds it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from common.errors import NotFound, ObjectNotFound
from models import queries
from models.asset import Asset
from models.project import Project
from models.rows import FilmRow
from models.shot import Shot
from service import films
from service.container import Services
from service.oss import links

CHUNK = 1 << 18  # bytes that are read at once
EPOCH = (2026, 1, 1, 0, 0, 0)  # of every file in it: the same project gives the same bytes
MAX_NAME = 40  # characters of a title in a file's name
_UNSAFE = re.compile(r"[^\w\-]+")


@dataclass(frozen=True)
class Archive:
    """What goes into it. `files` are names with what rows store."""

    title: str
    texts: dict[str, str]
    files: dict[str, str]


def of_project(services: Services, project_id: str) -> Archive:
    """What the project has now; raises `NotFound`."""
    with services.database.read() as session:
        project = queries.project(session, project_id)
        if project is None:
            raise NotFound("项目不存在")
        shots = queries.shots(session, project_id)
    made = films.of_project(services, project_id)[:1]
    files: dict[str, str] = {}
    for shot in shots:
        files.update(_of_shot(shot))
    for film in made:
        files.update(_of_film(film.asset))
    return Archive(project.title, _texts(project, shots), files)


def stream(services: Services, archive: Archive) -> Iterator[bytes]:
    """The ZIP's bytes. Stored as they are: pictures, sounds and films do not get smaller."""
    tail, missing = _Tail(), []
    with zipfile.ZipFile(tail, "w", zipfile.ZIP_STORED) as archived:  # type: ignore[call-overload]  # a file that is only written to
        for name, text in archive.texts.items():
            archived.writestr(zipfile.ZipInfo(name, EPOCH), text)
        for name, stored in archive.files.items():
            source = _opened(services, stored)
            if source is None:
                missing.append(name)
                continue
            with source, archived.open(zipfile.ZipInfo(name, EPOCH), "w", force_zip64=True) as entry:
                while chunk := source.read(CHUNK):
                    entry.write(chunk)
                    yield tail.taken()
        if missing:
            archived.writestr(zipfile.ZipInfo("missing.txt", EPOCH), "\n".join(missing) + "\n")
    yield tail.taken()


def _opened(services: Services, stored: str) -> BinaryIO | None:
    key = links.key_of(stored, services.settings.minio.bucket)
    try:
        return services.store.open(key) if key is not None else None
    except ObjectNotFound:
        return None


def _of_shot(shot: Shot) -> Iterator[tuple[str, str]]:
    name = f"shots/{shot.order:03d}"
    title = _UNSAFE.sub("-", shot.title).strip("-")[:MAX_NAME]
    for stored in (shot.image_path, shot.audio_path, shot.video_path):
        if stored:
            kind = PurePosixPath(stored.partition("?")[0]).name.partition("-")[0]
            yield f"{name}-{title or 'shot'}-{kind}{_extension(stored)}", stored


def _of_film(film: Asset | FilmRow) -> Iterator[tuple[str, str]]:
    found = [film.object_key, *((film.details or {}).get("companions") or [])]
    for stored in found:
        yield f"film/{PurePosixPath(stored).name}", stored


def _extension(stored: str) -> str:
    return PurePosixPath(stored.partition("?")[0]).suffix[:9]


def _texts(project: Project, shots: list[Shot]) -> dict[str, str]:
    fields = ("order", "title", "prompt", "transition", "motion", "duration")
    listed: list[dict[str, Any]] = [
        {**{name: getattr(shot, name) or "" for name in fields}, "narration": shot.spoken} for shot in shots
    ]
    return {
        "story.txt": f"{project.title}\n\n{project.story_text}\n",
        "shots.json": json.dumps(listed, ensure_ascii=False, indent=2) + "\n",
    }


class _Tail:
    """A file that is only written to, of which what was written is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep it until it is taken."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def taken(self) -> bytes:
        """What was written since the last call."""
        found = b"".join(self._parts)
        self._parts.clear()
        return found
