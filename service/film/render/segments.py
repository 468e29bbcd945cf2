"""The pieces that a film's video track is encoded in, and their cache keys.

A segment is either a transition (two sources) or a part of one shot's own time (one source). It knows nothing of where in the film it lies,
so that it is reused wherever the same images move in the same way: after a crash, after an edit, in another film. Its key is a hash of
everything that its bytes depend on, the code included.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.film.cache import code_digest
from service.film.encoding.writers import Encoding
from service.film.spec import PLAIN, CaptionStyle, FilmShot, Position

if TYPE_CHECKING:  # the processes that draw frames read no texts, and what does is slow to import
    from service.film.subtitles.cues import Cue
    from service.film.timeline import Timeline

PIECE_S = 4.0  # a long shot is cut into pieces, so that all workers have some and a crash loses little

# What decides a segment's pixels and bits beside its own fields: the code in these folders of the film, and these libraries (PyAV
# brings the decoders and x264, imageio-ffmpeg the way to hardware encoders).
ROOMS = ("encoding", "frames", "render", "subtitles")
LIBRARIES = ("av", "imageio-ffmpeg", "noto-cjk-sans-otc", "numpy", "opencv-python-headless", "pillow")


@dataclass(frozen=True)
class Source:
    """What one shot contributes to a segment.

    `kind` is image, clip or placeholder; `digest` the file's SHA-256; `title` is only for a placeholder, `move` only for what is still.
    `first` is the segment's first frame, counted from the first frame in which the shot is seen; `frames` how many it is seen for.
    `path` and `order` (for messages) are not part of the key.
    """

    kind: str
    digest: str
    title: str
    fit: str
    move: str
    seed: int
    first: int
    frames: int
    path: str = ""
    order: int = 0


@dataclass(frozen=True)
class Caption:
    """Lines shown from frame `first` to before frame `end` of the segment; `heard`: from which frame on how many characters are heard."""

    first: int
    end: int
    lines: tuple[str, ...]
    heard: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Segment:
    """`transition` (a `Transition` value, "" for none) lasts the whole segment; `language` is that of what is written in it."""

    width: int
    height: int
    fps: int
    frames: int
    sources: tuple[Source, ...]
    transition: str
    captions: tuple[Caption, ...]
    font: str
    font_digest: str
    encoding: Encoding
    language: str = ""
    style: CaptionStyle = PLAIN

    @functools.cached_property
    def key(self) -> str:
        """The content hash, as hexadecimal digits."""
        fields = dataclasses.asdict(self)
        del fields["font"]
        for source in fields["sources"]:
            del source["path"], source["order"]
        text = json.dumps([code_version(), fields], sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Segment:
        """The inverse of `to_json`, after a round trip through JSON text."""
        captions = (
            Caption(c["first"], c["end"], tuple(c["lines"]), tuple(map(tuple, c["heard"]))) for c in fields["captions"]
        )
        style = fields["style"]
        return cls(
            **{
                **fields,
                "sources": tuple(Source(**source) for source in fields["sources"]),
                "captions": tuple(captions),
                "encoding": Encoding.from_json(fields["encoding"]),
                "style": CaptionStyle(**{**style, "position": Position(style["position"])}),
            }
        )


@functools.lru_cache(maxsize=1)
def code_version() -> str:
    """A hash of the code that makes images and of the versions of what they stand on."""
    # Slow to import, and of no use to the worker processes:
    from importlib import metadata  # noqa: PLC0415

    from PIL import features  # noqa: PLC0415

    digest = hashlib.sha256(code_digest(*ROOMS).encode())
    for library in LIBRARIES:
        digest.update(f"{library} {metadata.version(library)}\n".encode())
    digest.update(f"raqm {features.check_feature('raqm')}".encode())  # lays captions out; needs a library of the system
    return digest.hexdigest()


@dataclass(frozen=True)
class RenderSettings:
    """The settings that all segments of a film share."""

    width: int
    height: int
    font: str
    font_digest: str
    encoding: Encoding
    language: str = ""
    style: CaptionStyle = PLAIN


def make_segments(
    settings: RenderSettings,
    timeline: Timeline,
    shots: Sequence[FilmShot],
    sources: Sequence[Source],
    cues: Sequence[Cue],
) -> list[Segment]:
    """Cut the film into segments; in order, they are its frames, each once. `cues` are those to be burned into the frames, in order."""
    spoken = [(round(cue.start * timeline.fps), round(cue.end * timeline.fps), cue) for cue in cues]
    segments: list[Segment] = []

    def add(start: int, end: int, indexes: Sequence[int], transition: str) -> None:
        parts = []
        for index in indexes:
            begin, stop = timeline.visible(index)
            # A clip runs on by itself: how long it is seen makes no difference to its frames.
            seen = 0 if sources[index].kind == "clip" else stop - begin
            parts.append(dataclasses.replace(sources[index], first=start - begin, frames=seen))
        captions = tuple(
            Caption(max(first, start) - start, min(last, end) - start, cue.lines, _heard(cue, timeline.fps, start, end))
            for first, last, cue in spoken
            if first < end and last > start and last > first
        )
        written = bool(captions) or any(part.kind == "placeholder" for part in parts)
        segments.append(
            Segment(
                width=settings.width,
                height=settings.height,
                fps=timeline.fps,
                frames=end - start,
                sources=tuple(parts),
                transition=transition,
                captions=captions,
                font=settings.font if written else "",
                font_digest=settings.font_digest if written else "",
                encoding=settings.encoding,
                language=settings.language if written else "",
                style=settings.style if captions else PLAIN,
            )
        )

    for index, slot in enumerate(timeline.slots):
        if slot.before:
            add(slot.start - slot.before, slot.start + slot.after, (index - 1, index), shots[index].transition.value)
        start = slot.start + slot.after
        end = slot.end - (timeline.slots[index + 1].before if index + 1 < len(timeline.slots) else 0)
        pieces = max(1, math.ceil((end - start) / (PIECE_S * timeline.fps)))
        bounds = [start + (end - start) * piece // pieces for piece in range(pieces + 1)]
        for first, last in itertools.pairwise(bounds):
            add(first, last, (index,), "")
    return segments


def _heard(cue: Cue, fps: int, start: int, end: int) -> tuple[tuple[int, int], ...]:
    """What is heard when, in frames of the segment; what was heard before it counts from its first."""
    frames = [(round(second * fps), count) for second, count in cue.heard]
    return tuple({max(frame, start) - start: count for frame, count in frames if frame < end}.items())
