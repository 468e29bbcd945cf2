"""Looking at a film's inputs: what is there, how long it is, and its content hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from service.errors import FilmError
from service.film import sound
from service.film.cache import Cache
from service.film.media import clip_seconds
from service.film.spec import FilmShot, FilmSpec

STAGE = "plan"
SUFFIX = ".json"
LISTENER = "listen-1"  # goes up when `sound.listen` hears differently


@dataclass(frozen=True)
class Material:
    """One shot's inputs. `kind` is picture, clip or placeholder; `digest` is of the picture or clip; lengths are seconds."""

    kind: str
    path: Path | None
    digest: str
    clip_s: float
    narration_s: float
    pauses: tuple[tuple[float, float], ...]


def inspect(spec: FilmSpec, cache: Cache, check: Callable[[], None]) -> tuple[FilmSpec, list[Material], list[str]]:
    """Every shot's material; the spec without the narrations that are not there; warnings (Chinese) of what is missing.

    Raises FilmError naming the shot: on a broken file always, on a missing one when the spec is strict.
    """
    warnings: list[str] = []
    materials, shots = [], []
    for shot in spec.shots:
        check()
        heard = sound.Heard(0.0, ())
        narration = shot.narration
        if narration is not None and not narration.is_file():
            _missing(spec, shot, "旁白", "以静音代替", warnings)
            narration = None
        if narration is not None:
            heard = _listen(narration, shot, cache, check)
        shots.append(dataclasses.replace(shot, narration=narration))
        materials.append(_picture(spec, shot, heard, cache, warnings))
    return dataclasses.replace(spec, shots=tuple(shots)), materials, warnings


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _picture(spec: FilmSpec, shot: FilmShot, heard: sound.Heard, cache: Cache, warnings: list[str]) -> Material:
    for kind, path in (("clip", shot.clip), ("picture", shot.picture)):
        if path is None:
            continue
        if not path.is_file():
            name = "视频片段" if kind == "clip" else "图片"
            _missing(spec, shot, name, "另找画面代替", warnings)
            continue
        digest = _digest(path, shot)
        seconds = 0.0
        if kind == "clip":
            seconds = float(_remember(cache, f"clip-{digest}", partial(clip_seconds, path, shot.order)))
        return Material(kind, path, digest, seconds, heard.seconds, heard.pauses)
    if shot.clip is None and shot.picture is None:
        _missing(spec, shot, "图片", "以占位画面代替", warnings)
    return Material("placeholder", None, "", 0.0, heard.seconds, heard.pauses)


def _missing(spec: FilmSpec, shot: FilmShot, what: str, instead: str, warnings: list[str]) -> None:
    if spec.strict:
        raise FilmError(STAGE, f"缺少{what}", shot=shot.order)
    warnings.append(f"镜头 {shot.order} 缺少{what}，{instead}")


def _listen(path: Path, shot: FilmShot, cache: Cache, check: Callable[[], None]) -> sound.Heard:
    def hear() -> list[object]:
        try:
            heard = sound.listen(path, check)
        except FilmError as error:
            raise FilmError(error.stage, f"旁白无法读取：{_reason(error)}", shot=shot.order, log=error.log) from error
        return [heard.seconds, [list(pause) for pause in heard.pauses]]

    seconds, pauses = _remember(cache, f"{LISTENER}-{_digest(path, shot)}", hear)
    return sound.Heard(float(seconds), tuple((float(start), float(end)) for start, end in pauses))


def _reason(error: FilmError) -> str:
    return str(error).partition("] ")[2].partition("\n")[0]


def _digest(path: Path, shot: FilmShot) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise FilmError(STAGE, f"文件无法读取：{error}", shot=shot.order) from error


def _remember(cache: Cache, name: str, find_out: Callable[[], Any]) -> Any:
    """A small answer that depends on a file's content only, kept beside the segments."""
    key = hashlib.sha256(name.encode()).hexdigest()
    known = cache.find(key, SUFFIX)
    if known is not None:
        try:
            return json.loads(known.read_text())
        except (OSError, ValueError):
            cache.drop(key, SUFFIX)
    answer = find_out()
    path = cache.path(key, SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{id(answer):x}.tmp")
    temporary.write_text(json.dumps(answer))
    temporary.replace(path)
    return answer
