"""What can go wrong in a film."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from common.errors import StoryToVideoError, TaskError

Stage: TypeAlias = Literal[
    "fetch", "input", "plan", "picture", "probe", "encode", "subtitles", "sound", "join", "timeout"
]
"""Where a film can fail. `input` means that an image or a clip is to blame: a film that is not strict is made without it."""
_STAGE_NAMES: Mapping[Stage, str] = {  # as users read them
    "fetch": "读取素材",
    "input": "素材",
    "plan": "准备",
    "picture": "画面",
    "probe": "检测编码器",
    "encode": "编码",
    "subtitles": "字幕",
    "sound": "声音",
    "join": "合成",
    "timeout": "超时",
}


class FilmError(TaskError):
    """The film pipeline failed.

    `stage` is the stage's identifier, whose Chinese name users read; `reason` is the message alone, `shot` the shot's order (from 1) where
    one is to blame, `log` the last lines of ffmpeg.
    """

    def __init__(self, stage: Stage, message: str, *, shot: int | None = None, log: str = "") -> None:
        name = _STAGE_NAMES[stage]
        where = f"{name}，镜头 {shot}" if shot is not None else name
        tail = f"\n{log.strip()}" if log.strip() else ""
        super().__init__(f"[{where}] {message}{tail}")
        self.stage, self.reason, self.shot, self.log = stage, message, shot, log


class InvalidSpec(TaskError):
    """The specification is of no film that can be made: a fault of whoever built it, since requests are checked before."""


class UnusableMedia(StoryToVideoError):
    """A file is there, but no film can be made with it; the text says why, in Chinese."""


def cause_of(error: Exception) -> str:
    """What an error says to whoever sent the file: libav's and the system's texts also name where this server keeps it."""
    return str(getattr(error, "strerror", None) or error)
