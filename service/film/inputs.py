"""Looking at a film's inputs: what is there, how long it is, and its content hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import av

from common.hashing import file_digest
from common.host_faults import raise_if_ours
from service.film.cache import Cache, code_digest
from service.film.decoder import Decoder
from service.film.errors import FilmError, UnusableMedia
from service.film.sound import soundtrack
from service.film.spec import INPUT, FilmShot, FilmSpec
from service.film.timeline import too_long

STAGE: Final = "plan"
SUFFIX = ".json"


@dataclass(frozen=True)
class Material:
    """One shot's inputs. `kind` is image, clip or placeholder; `digest` is of the image or clip; lengths are seconds."""

    kind: str
    path: Path | None
    digest: str
    clip_s: float
    narration_s: float
    pauses: tuple[tuple[float, float], ...]


def inspect(
    spec: FilmSpec, cache: Cache, check: Callable[[], None], broken: Mapping[str, str], decoder: Decoder
) -> tuple[FilmSpec, list[Material], list[str]]:
    """Every shot's material; the spec without the narrations that cannot be heard; warnings (Chinese) of what is replaced.

    `broken` are digests of images and clips that are known to be unusable, and why. `check` is called often, and may raise. When the
    spec is strict, what is missing or broken raises FilmError naming the shot. What this machine cannot read is neither:
    `HostUnavailable`.
    """
    return _Inspection(spec, cache, check, broken, decoder).run()


@dataclass
class _Inspection:
    spec: FilmSpec
    cache: Cache
    check: Callable[[], None]
    broken: Mapping[str, str]
    decoder: Decoder
    warnings: list[str] = field(default_factory=list)

    def run(self) -> tuple[FilmSpec, list[Material], list[str]]:
        materials, shots = [], []
        spoken_s = 0.0
        for shot in self.spec.shots:
            self.check()
            speech = self._narration(shot)
            spoken_s += speech.seconds if speech else 0.0
            self._check_length(spoken_s)
            shots.append(shot if speech else dataclasses.replace(shot, narration=None))
            kind, path, digest, seconds = self._visual(shot)
            speech = speech or soundtrack.SpeechInfo(0.0, ())
            materials.append(Material(kind, path, digest, seconds, speech.seconds, speech.pauses))
        return dataclasses.replace(self.spec, shots=tuple(shots)), materials, self.warnings

    def _check_length(self, spoken_s: float) -> None:
        """Of a film that is too long already no more is decoded."""
        text = too_long(spoken_s, self.spec.max_duration_s or math.inf)
        if text and self.spec.first_seconds is None:
            raise FilmError(STAGE, text)

    def _narration(self, shot: FilmShot) -> soundtrack.SpeechInfo | None:
        path, name, instead = shot.narration, "旁白", "以静音代替"
        if path is None:
            return None
        if not path.is_file():
            self._missing(shot, name, instead)
            return None

        try:
            digest = self._digest(path)
            find_out = partial(_analyse, self.decoder, path, self.check)
            seconds, pauses = _cached(self.cache, "sound", f"speech {digest}", find_out)
        except UnusableMedia as error:
            self._broken(shot, name, error, instead)
            return None
        return soundtrack.SpeechInfo(float(seconds), tuple((float(start), float(end)) for start, end in pauses))

    def _visual(self, shot: FilmShot) -> tuple[str, Path | None, str, float]:
        """Kind, path, digest and seconds of the clip, or else the image, or else the placeholder."""
        instead = "另找画面代替"
        for kind, name, path in (("clip", "视频片段", shot.clip), ("image", "图片", shot.image)):
            if path is None:
                continue
            if not path.is_file():
                self._missing(shot, name, instead)
                continue
            try:
                digest, seconds = self._digest(path), 0.0
                if digest in self.broken:
                    raise UnusableMedia(self.broken[digest])
                if kind == "clip":
                    find_out = partial(self.decoder.clip_seconds, path, self.check)
                    seconds = float(_cached(self.cache, "frames", f"clip {digest}", find_out))
            except UnusableMedia as error:
                self._broken(shot, name, error, instead)
                continue
            return kind, path, digest, seconds
        if shot.clip is None and shot.image is None:
            self._missing(shot, "图片", "以占位画面代替")
        return "placeholder", None, "", 0.0

    def _missing(self, shot: FilmShot, what: str, instead: str) -> None:
        if self.spec.strict:
            raise FilmError(STAGE, f"缺少{what}", shot=shot.order)
        self.warnings.append(f"镜头 {shot.order} 缺少{what}，{instead}")

    def _broken(self, shot: FilmShot, what: str, reason: UnusableMedia, instead: str) -> None:
        if self.spec.strict:
            raise FilmError(INPUT, f"{what}无法使用：{reason}", shot=shot.order)
        self.warnings.append(f"镜头 {shot.order} 的{what}无法使用（{reason}），{instead}")

    def _digest(self, path: Path) -> str:
        try:
            return file_digest(path, self.check)
        except OSError as error:
            raise_if_ours(error)
            raise UnusableMedia(f"文件无法读取：{error.strerror}") from error


def _analyse(decoder: Decoder, path: Path, check: Callable[[], None]) -> list[object]:
    speech = soundtrack.analyse(decoder, path, check)
    return [speech.seconds, [list(pause) for pause in speech.pauses]]


def _cached(cache: Cache, room: str, name: str, find_out: Callable[[], Any]) -> Any:
    """A small answer that depends on a file's content and on what reads it (the code of `room`, PyAV) only; kept beside the segments."""
    key = hashlib.sha256(f"{name} {code_digest(room)} {av.__version__}".encode()).hexdigest()
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
    try:
        temporary.write_text(json.dumps(answer))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return answer
