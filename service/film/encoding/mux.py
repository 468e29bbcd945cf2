"""Segments, sound and subtitles into one MP4, without encoding anything again."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import ffmpeg
from av.error import FFmpegError

from common.host_faults import raise_if_ours
from service.film.encoding.ffmpeg import ffmpeg_exe, run_ffmpeg
from service.film.errors import FilmError
from service.film.spec import Cancel

STAGE: Final = "join"


@dataclass(frozen=True)
class Chapter:
    """A named stretch of the film, in frames."""

    start: int
    end: int
    title: str


@dataclass(frozen=True)
class Parts:
    """What is joined. `segments` lie in `folder` under plain names; `frames` says how many each holds."""

    folder: Path
    segments: Sequence[str]
    frames: Sequence[int]
    fps: int
    sound: Path
    subtitles: Path | None
    chapters: Sequence[Chapter]
    title: str


def join(parts: Parts, output: Path, cancel: Cancel, timeout_s: float) -> None:
    """Write the film. Raises FilmError, also when the result does not hold every frame, or Cancelled."""
    lines = ["ffconcat version 1.0"]
    for name, frames in zip(parts.segments, parts.frames, strict=True):
        lines += [f"file {name}", f"duration {frames / parts.fps:.9f}"]
    (parts.folder / "segments.txt").write_text("\n".join(lines) + "\n")
    (parts.folder / "metadata.txt").write_text(metadata(parts.title, parts.chapters, parts.fps), encoding="utf-8")

    video = ffmpeg.input("segments.txt", format="concat", protocol_whitelist="file")
    streams = [video.video, ffmpeg.input(str(parts.sound.absolute()), protocol_whitelist="file").audio]
    options: dict[str, object] = {"c": "copy", "movflags": "+faststart", "fflags": "+bitexact", "format": "mp4"}
    if parts.subtitles is not None:
        streams.append(ffmpeg.input(str(parts.subtitles.absolute()), protocol_whitelist="file", format="srt")["s"])
        options |= {"c:s": "mov_text", "disposition:s:0": "default"}
    number = len(streams)
    options |= {"map_metadata": number, "map_chapters": number}
    arguments = ffmpeg.output(*streams, str(output.absolute()), **options).compile(
        cmd=ffmpeg_exe(), overwrite_output=True
    )
    # ffmpeg-python knows only inputs that a stream is taken from; this one brings the chapters and the title.
    place = arguments.index("-map")
    arguments[place:place] = ["-f", "ffmetadata", "-i", "metadata.txt"]
    arguments[1:1] = ["-hide_banner", "-loglevel", "warning", "-nostdin"]
    run_ffmpeg(arguments, stage=STAGE, cancel=cancel, timeout_s=timeout_s, cwd=parts.folder)
    verify(output, sum(parts.frames))


def verify(film: Path, frames: int) -> None:
    """Raise FilmError unless the film opens and holds this many frames and a sound track."""
    try:
        with av.open(str(film)) as container:
            found = container.streams.video[0].frames if container.streams.video else 0
            heard = len(container.streams.audio)
    except (FFmpegError, OSError) as error:
        raise_if_ours(error)
        raise FilmError(STAGE, f"成片无法打开：{error}") from error
    if found != frames or heard != 1:
        raise FilmError(STAGE, f"成片不完整：{found} 帧（应为 {frames}），{heard} 条音轨")


def metadata(title: str, chapters: Sequence[Chapter], fps: int) -> str:
    """An ffmetadata file."""
    lines = [";FFMETADATA1"]
    if title:
        lines.append(f"title={escape(title)}")
    for chapter in chapters:
        lines += ["[CHAPTER]", f"TIMEBASE=1/{fps}", f"START={chapter.start}", f"END={chapter.end}"]
        lines.append(f"title={escape(chapter.title)}")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text as an ffmetadata value: on one line, without control characters, its special characters escaped."""
    plain = " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).split())
    escaped = "".join(f"\\{character}" if character in "=;#\\" else character for character in plain)
    # Before the line's end ffmpeg takes any backslash, also an escaped one, for a sign that the line goes on.
    return f"{escaped} " if escaped.endswith("\\") else escaped
