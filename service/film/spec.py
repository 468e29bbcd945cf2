"""What a film is made of: the input and the report of `service.film.compose`.

All times are seconds, all sizes pixels, all levels decibels. Every value is checked when a spec is built, so that the stages need not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from service.film.errors import InvalidSpec

MAX_SHOTS = 500
LEAST_SIDE = 64  # pixels
INPUT: Final = "input"
"""The stage of a FilmError for which an image or a clip is to blame: a film that is not strict is made without it."""


class Transition(str, Enum):
    """How a shot begins, out of the one before it."""

    CUT = "cut"
    CROSSFADE = "crossfade"
    FADE_BLACK = "fade"
    SLIDE_LEFT = "slide_left"
    SLIDE_RIGHT = "slide_right"
    WIPE_LEFT = "wipe_left"
    WIPE_RIGHT = "wipe_right"


class Fit(str, Enum):
    """How an image of another aspect fills the frame."""

    CROP = "crop"
    BLUR = "blur"


class Motion(str, Enum):
    """Whether the camera moves over an image, or the image stands still. A clip moves by itself."""

    AUTO = "auto"
    NONE = "none"


class Subtitles(str, Enum):
    """Whether cues are burned into the frames, carried as a soft track, both, or neither. SRT and ASS files are written unless off."""

    BURNED = "burned"
    SOFT = "soft"
    BOTH = "both"
    OFF = "off"


class Position(str, Enum):
    """Where in the frame subtitles stand."""

    BOTTOM = "bottom"
    MIDDLE = "middle"
    TOP = "top"


class Quality(str, Enum):
    """`preview` is small, of few frames and bits, `final` is for viewers, `high` spends about twice the time on the same frames."""

    PREVIEW = "preview"
    FINAL = "final"
    HIGH = "high"


class RateControl(str, Enum):
    """How the encoder spends bits: constant quality, constant bit rate, or an average met in two or more passes."""

    CRF = "crf"
    CBR = "cbr"
    TWO_PASS = "2pass"  # noqa: S105 - a way of encoding, not a password


class Encoder(str, Enum):
    """The H.264 encoder. A hardware one that is not there falls back to x264, and the report says so."""

    X264 = "x264"
    NVENC = "nvenc"
    QSV = "qsv"
    VAAPI = "vaapi"
    VIDEOTOOLBOX = "videotoolbox"


def _in_range(name: str, value: float, low: float, high: float) -> None:
    """Also refuses NaN, which compares false with everything."""
    if not low <= value <= high:
        raise InvalidSpec(f"{name} 必须在 {low} 到 {high} 之间，收到 {value}")


_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_QUIET = 110, 0.6  # of 255, and the share of it in the colour of what is not heard yet
Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class CaptionStyle:
    """How subtitles look: `size` and `outline` are factors, `colour` is `#RRGGBB`.

    With `karaoke` each word takes on the colour when it is heard, where that is known, and is in a quieter one until then.
    """

    size: float = 1.0
    colour: str = "#FFFFFF"
    outline: float = 1.0
    position: Position = Position.BOTTOM
    karaoke: bool = False

    def __post_init__(self) -> None:
        _in_range("subtitle size", self.size, 0.5, 2.0)
        _in_range("subtitle outline", self.outline, 0.0, 3.0)
        if not _COLOUR.fullmatch(self.colour):
            raise InvalidSpec(f"字幕颜色应为 #RRGGBB，收到 {self.colour}")

    @property
    def rgb(self) -> Rgb:
        """The colour, each part of 255."""
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue

    @property
    def quiet_rgb(self) -> Rgb:
        """The colour of words that are not heard yet."""
        grey, share = _QUIET
        red, green, blue = (round(part * (1 - share) + grey * share) for part in self.rgb)
        return red, green, blue


PLAIN: Final = CaptionStyle()


class Word(NamedTuple):
    """A word of a narration and when it is heard: seconds from the narration's start, or from the film's."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class FilmShot:
    """One shot, in order.

    `order` is its number for a person (from 1), used in messages. `image` is a still image, `clip` a moving one; with both the clip wins;
    with neither a placeholder is drawn (or, when the spec is strict, the film fails). `narration` is any audio file that ffmpeg reads.
    `text` is what the narration says, for the subtitles. A shot's slot is as long as its narration plus `FilmSpec.breath_s`, at least
    `minimum_s` (also the length of a shot without narration and without a clip), and long enough for its subtitles to
    be read. `transition_s` is the length of the transition *into* this shot (ignored on the first). `seed` draws its camera move.
    `words` are when the narration's words are heard, where that is known: cues begin and end with them.
    """

    order: int
    image: Path | None = None
    clip: Path | None = None
    narration: Path | None = None
    text: str = ""
    title: str = ""
    transition: Transition = Transition.CROSSFADE
    transition_s: float = 0.5
    minimum_s: float = 2.0
    seed: int = 0
    motion: Motion = Motion.AUTO
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        _in_range("transition", self.transition_s, 0.0, 10.0)
        _in_range("duration", self.minimum_s, 0.1, 600.0)


@dataclass(frozen=True)
class Music:
    """Background music: looped or cut to the film's length, faded, evened in loudness first."""

    path: Path
    level_db: float = -14.0  # below the narration's loudness, before ducking
    duck_db: float = -6.0
    fade_in_s: float = 1.0
    fade_out_s: float = 2.0

    def __post_init__(self) -> None:
        _in_range("music level", self.level_db, -60.0, 0.0)
        _in_range("music duck", self.duck_db, -60.0, 0.0)
        _in_range("music fade in", self.fade_in_s, 0.0, 60.0)
        _in_range("music fade out", self.fade_out_s, 0.0, 60.0)


@dataclass(frozen=True)
class FilmSpec:
    """A whole film.

    `width` and `height` are even, `fps` a whole number. `bitrate_kbps` is needed by CBR and two-pass. `first_seconds` cuts a preview short.
    `threads` bounds the worker processes (0: one per core). How many films are made at once is for the caller to say
    (`service.film.cache.acquire_slot`). `cache_dir` keeps segments by content: it is the resume after a crash and the redo of only what
    changed. `output_dir` receives the report's files; it is created, and holds nothing of a failed or cancelled run.
    """

    shots: tuple[FilmShot, ...]
    output_dir: Path
    cache_dir: Path
    title: str = ""
    width: int = 1280
    height: int = 720
    fps: int = 30
    fit: Fit = Fit.CROP
    subtitles: Subtitles = Subtitles.BURNED
    quality: Quality = Quality.FINAL
    rate_control: RateControl = RateControl.CRF
    bitrate_kbps: int | None = None
    encoder: Encoder = Encoder.X264
    music: Music | None = None
    loudness_lufs: float = -16.0
    true_peak_dbtp: float = -1.0
    breath_s: float = 0.6
    intro_s: float = 0.0
    outro_s: float = 0.5
    first_seconds: float | None = None
    strict: bool = False
    threads: int = 0
    cache_bytes: int = 4 << 30
    cache_age_s: float = 14 * 86400.0
    timeout_s: float | None = None  # None: 300 s + 10 × the film's length
    max_duration_s: float | None = None  # a film that would be longer is not made
    font: Path | None = None
    style: CaptionStyle = PLAIN

    def __post_init__(self) -> None:
        if not self.shots:
            raise InvalidSpec("影片至少需要一个镜头")
        for name, value, low, high in (
            ("width", self.width, LEAST_SIDE, 4096),
            ("height", self.height, LEAST_SIDE, 4096),
            ("fps", self.fps, 1, 60),
            ("threads", self.threads, 0, 256),
            ("breath", self.breath_s, 0.0, 60.0),
            ("intro", self.intro_s, 0.0, 60.0),
            ("outro", self.outro_s, 0.0, 60.0),
            ("loudness", self.loudness_lufs, -40.0, -5.0),
            ("true_peak", self.true_peak_dbtp, -20.0, 0.0),
            ("cache_bytes", self.cache_bytes, 0, 1 << 50),
            ("cache_age", self.cache_age_s, 0.0, math.inf),
        ):
            _in_range(name, value, low, high)
        if self.first_seconds is not None:
            _in_range("first_seconds", self.first_seconds, 0.1, 86400.0)
        if self.max_duration_s is not None:
            _in_range("max_duration", self.max_duration_s, 0.1, 86400.0)
        if self.timeout_s is not None:
            _in_range("timeout", self.timeout_s, 0.01, 86400.0)
        if self.bitrate_kbps is not None:
            _in_range("bitrate", self.bitrate_kbps, 50, 100_000)
        if len(self.shots) > MAX_SHOTS:
            raise InvalidSpec(f"影片最多 {MAX_SHOTS} 个镜头，收到 {len(self.shots)}")
        if self.width % 2 or self.height % 2:
            raise InvalidSpec(f"宽和高必须是偶数，收到 {self.width}x{self.height}")
        if self.rate_control is not RateControl.CRF and not self.bitrate_kbps:
            raise InvalidSpec(f"{self.rate_control.value} 需要 bitrate (kbit/s)")


@dataclass(frozen=True)
class ShotTiming:
    """Where a shot lies in the finished film, in seconds from its start.

    Slots (`start` to `end`) are whole frames, touch each other and add up to the film. A transition is centred on the joint of two slots,
    so that images overlap there; the narration (`speech_start` to `speech_end`) stays within its slot, so that speech never does.
    """

    order: int
    start: float
    end: float
    speech_start: float
    speech_end: float


@dataclass(frozen=True)
class Progress:
    """Where the work is: `stage` names it, `fraction` (0 to 1) is of the whole film, `message` is for a person (Chinese)."""

    stage: str
    fraction: float
    message: str


@dataclass(frozen=True)
class FilmReport:
    """What came out. `log` holds the key parameters and the seconds spent per stage; `warnings` says what was missing (Chinese)."""

    film: Path
    cover: Path
    duration_s: float
    width: int
    height: int
    fps: int
    shots: tuple[ShotTiming, ...]
    subtitles_srt: Path | None = None
    subtitles_ass: Path | None = None
    warnings: tuple[str, ...] = ()
    log: dict[str, object] = field(default_factory=dict)


class Cancel(Protocol):
    """A flag that another thread may set; `threading.Event` is one."""

    def is_set(self) -> bool: ...


OnProgress = Callable[[Progress], None]
