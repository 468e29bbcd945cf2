"""One interface per kind of work, and what is handed over.

A provider is made once in a worker process (load the model in `__init__`) and then called for one job after another, never for two at a
time. It writes its file where it is told, reports progress through `report`, and raises `ProviderError` with a text for the user. It
need not look at cancellation: the process that it runs in is killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

Report = Callable[[int, str], None]
"""`report(percent, message)`: percent from 0 to 99, message in Chinese for the user."""


@dataclass(frozen=True)
class StoryRequest:
    """A story to be split into `shots` scenes."""

    story: str
    shots: int
    style: str = ""


@dataclass(frozen=True)
class Scene:
    """One scene of the storyboard; `bgm` names the music's mood in a few words."""

    title: str
    prompt: str
    narration: str
    bgm: str

    def as_dict(self) -> dict[str, str]:
        """The scene as the wire's keys."""
        return asdict(self)


@dataclass(frozen=True)
class ImageRequest:
    """An image of `width` x `height` pixels. The same request gives the same image; `seed` None draws one from the prompt and style."""

    prompt: str
    style: str = ""
    width: int = 1024
    height: int = 1024
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    model: str = ""


@dataclass(frozen=True)
class SpeechRequest:
    """Text to be spoken. `lang` decides only where the script does not ("3.14"); `speed` is a factor; `format` is "mp3" or "wav"."""

    text: str
    voice: str = ""
    lang: str = "zh"
    speed: float = 1.0
    sample_rate: int = 24_000
    format: str = "mp3"


class Spoken(NamedTuple):
    """A speech's length in seconds, and the words of its text that it leaves out: signs without a reading, letters without a sound."""

    seconds: float
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClipRequest:
    """A clip of `seconds` made from an image; `prompt` says what may move in it."""

    image: Path
    prompt: str = ""
    width: int = 1280
    height: int = 720
    fps: int = 24
    seconds: float = 4.0
    bitrate_kbit: int = 0
    seed: int = 0
    model: str = ""


class Storyteller(Protocol):
    """Kind "llm"."""

    def tell(self, request: StoryRequest, report: Report) -> list[Scene]:
        """Exactly `request.shots` scenes."""


class Painter(Protocol):
    """Kind "t2i"."""

    def paint(self, request: ImageRequest, target: Path, report: Report) -> None:
        """Write a PNG."""


class Speaker(Protocol):
    """Kind "tts"."""

    def speak(self, request: SpeechRequest, target: Path, report: Report) -> Spoken:
        """Write the speech in `request.format`."""


class Animator(Protocol):
    """Kind "i2v"."""

    def animate(self, request: ClipRequest, target: Path, report: Report) -> None:
        """Write an H.264 MP4 without sound."""
