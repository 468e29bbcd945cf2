"""One interface per kind of work, and what is handed over.

A provider is made once in a worker process from its `ProviderSettings` (load the model in `__init__`) and then called for one job
after another, never for two at a time. It writes its file where it is told and says through its `JobRun` how far it is. It raises
`ProviderUnable` with a text for the user where the next provider may do the job (away, over its quota, out of memory, nothing usable
made), and `ProviderError` where none can. It need not look at cancellation: the process that it runs in is killed. One that holds a large
model ends between its steps (`worker_node.stopping`), and may have an `expect(ahead)`, by which it is told what waits behind the next job.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from worker_node.providers.deadline import Deadline

Report = Callable[[int, str], None]
"""`report(percent, message)`: percent from 0 to 99, message in Chinese for the user."""


class JobRun(Protocol):
    """What a provider knows of the job that it works on, and what it says about it."""

    @property
    def report(self) -> Report:
        """Tells the user how far the job is."""

    @property
    def key(self) -> str:
        """The job's own key, the same in every run of it."""

    def deadline(self, seconds: float) -> Deadline:
        """The end of the `seconds` that the provider has for the whole job, however often it is called for it."""

    @property
    def remembered(self) -> str:
        """The provider's own id of this job, which an earlier, killed run remembered: go on with that one. "" where there is none."""

    def remember(self, provider_job: str) -> None:
        """Note the provider's own id of this job, before anything is waited for; it is on disk when this returns."""

    def once(self, part: str, ask: Callable[[str], bytes]) -> bytes:
        """The answer of a call that may cost: of this run, or the one that a killed run already had.

        `ask(idempotency key)` makes the call; the key is the same in every run of the job. `part` names the call among the job's.
        """

    def used(self, **units: float) -> None:
        """Add to what the job used: `input_tokens`, `output_tokens`, `characters`, `images`, `seconds`."""


class QuietRun:
    """A run of nobody's job: nothing is kept, told or resumed."""

    remembered = key = ""

    def __init__(self, report: Report = lambda _percent, _message: None) -> None:
        self.report = report
        self._deadline: Deadline | None = None

    def deadline(self, seconds: float) -> Deadline:
        """See `JobRun.deadline`."""
        self._deadline = self._deadline or Deadline(seconds)
        return self._deadline

    def remember(self, provider_job: str) -> None:
        """See `JobRun.remember`."""

    def once(self, part: str, ask: Callable[[str], bytes]) -> bytes:
        """See `JobRun.once`."""
        return ask(part)

    def used(self, **units: float) -> None:
        """See `JobRun.used`."""


@dataclass(frozen=True)
class StoryRequest:
    """A story to be split into `shots` scenes. `telling`: "verbatim", its own sentences, each once and in order, or "told", a model's."""

    story: str
    shots: int
    style: str = ""
    telling: str = "verbatim"


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
class Character:
    """Who appears in a story, and how they look: in Chinese for people, in English for models."""

    name: str
    look_zh: str = ""
    look_en: str = ""


@dataclass(frozen=True)
class Storyboard:
    """A story's scenes, and its cast; `note` says in Chinese what the user should know of how they were made."""

    scenes: list[Scene]
    cast: tuple[Character, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class ImageRequest:
    """An image of `width` x `height` pixels. The same request gives the same image; with `seed` None the provider draws one. `references`
    are pictures of those who are to be seen in it, for providers that take any."""

    prompt: str
    style: str = ""
    width: int = 1024
    height: int = 1024
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    negative_prompt: str = ""
    model: str = ""
    references: tuple[Path, ...] = ()


class Made(NamedTuple):
    """How a picture or a clip was made, as far as the provider knows better than the request. `asked` is the size, `seconds` the length
    that its server was asked for: what comes is measured by that."""

    model: str = ""
    seed: int | None = None
    prompt: str = ""
    asked: tuple[int, int] | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class SpeechRequest:
    """Text to be spoken. `lang` decides only where the script does not ("3.14"); `speed` is a factor; `format` is "mp3" or "wav"."""

    text: str
    voice: str = ""
    lang: str = "zh"
    speed: float = 1.0
    sample_rate: int = 24_000
    format: str = "mp3"


class Word(NamedTuple):
    """A word, a Chinese character or a number of the text as written, and when it is said, in seconds of the written file."""

    text: str
    start: float
    end: float


class Spoken(NamedTuple):
    """A speech's length in seconds, the words of its text that it leaves out (signs without a reading, letters without a sound), and when
    the others are said, in the text's order; `words` is empty where the provider does not know."""

    seconds: float
    unread: tuple[str, ...] = ()
    words: tuple[Word, ...] = ()


class Voice(NamedTuple):
    """A voice that can be asked for by `id`. `language` is the one it is best at ("zh", "en", "ja"), "" where it is not known or not one;
    `sex` is "female", "male" or ""."""

    id: str
    name: str
    language: str
    sex: str


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
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    negative_prompt: str = ""
    model: str = ""


class Storyteller(Protocol):
    """Kind "llm"."""

    def tell(self, request: StoryRequest, run: JobRun) -> Storyboard:
        """Exactly `request.shots` scenes."""


class Painter(Protocol):
    """Kind "t2i"."""

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> Made | None:
        """Write a PNG, JPEG or WebP of about the size; `worker_node.painting` looks at it and cuts it to shape."""


class Speaker(Protocol):
    """Kind "tts". One that has voices to choose from also has `voices() -> list[Voice]`."""

    def speak(self, request: SpeechRequest, target: Path, run: JobRun) -> Spoken:
        """Write the speech in `request.format`."""


class Animator(Protocol):
    """Kind "i2v"."""

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> Made | None:
        """Write a clip of about the size; `worker_node.animating` looks at it and cuts it to shape."""
