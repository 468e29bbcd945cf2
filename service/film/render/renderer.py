"""Making one segment: its sources' frames, the transition between them, the captions on top, into the encoder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from service.film.encoding.writers import open_writer
from service.film.errors import FilmError
from service.film.frames.camera_moves import Move
from service.film.frames.clip import Clip
from service.film.frames.image_file import load_image
from service.film.frames.planes import Planes, empty
from service.film.frames.still import Still
from service.film.frames.transitions import blend
from service.film.render.segments import Caption, Segment, Source
from service.film.spec import INPUT, Fit, Transition
from service.film.subtitles.captions import CaptionPlanes, Captions
from service.film.subtitles.fonts import SIMPLIFIED

KEPT = 2  # prepared sources: the two of a transition; neighbouring segments share one with it


class Drawing(Protocol):
    """A source that can draw any of its frames."""

    def draw(self, frame: int, out: Planes) -> None: ...


class Renderer:
    """Makes segments one after another, keeping the sources that the next one is likely to need."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)  # the workers are the parallelism
        self._sources: OrderedDict[tuple[object, ...], Drawing] = OrderedDict()
        self._captions: tuple[tuple[object, ...], Captions] | None = None

    def render(self, segment: Segment, output: Path, progress: Callable[[int], None]) -> None:
        """Write `segment` to `output`; `progress` gets the number of finished frames. Raises FilmError naming the shot."""
        size = (segment.width, segment.height)
        drawings = [self._source(source, segment) for source in segment.sources]
        labels = self._labels(segment)
        buffers = [empty(*size) for _ in drawings] if len(drawings) > 1 else []
        with open_writer(output, size, segment.fps, segment.encoding) as writer:
            for frame in range(segment.frames):
                out = writer.buffer()
                if not buffers:
                    drawings[0].draw(segment.sources[0].first + frame, out)
                else:
                    for drawing, source, buffer in zip(drawings, segment.sources, buffers, strict=True):
                        drawing.draw(source.first + frame, buffer)
                    amount = (frame + 1) / (segment.frames + 1)
                    blend(Transition(segment.transition), buffers[0], buffers[1], out, amount)
                for caption, label in labels:
                    if caption.first <= frame < caption.end:
                        label.put(out)
                writer.push()
                progress(frame + 1)

    def still_frame(self, segment: Segment, frame: int) -> Planes:
        """One frame of a segment's first source, without captions."""
        out = empty(segment.width, segment.height)
        self._source(segment.sources[0], segment).draw(segment.sources[0].first + frame, out)
        return out

    def _source(self, source: Source, segment: Segment) -> Drawing:
        size = (segment.width, segment.height)
        key = (
            source.kind,
            source.path,
            source.title,
            source.fit,
            source.move,
            source.seed,
            source.frames,
            size,
            segment.fps,
        )
        drawing = self._sources.pop(key, None)
        if drawing is None:
            while len(self._sources) >= KEPT:
                self._sources.popitem(last=False)
            drawing = _open(source, segment)
        self._sources[key] = drawing
        return drawing

    def _labels(self, segment: Segment) -> list[tuple[Caption, Label]]:
        if not segment.captions:
            return []
        language, style = segment.language or SIMPLIFIED, segment.style
        key = (segment.width, segment.height, segment.font, language, style)
        if self._captions is None or self._captions[0] != key:
            font = Path(segment.font) if segment.font else None
            self._captions = (key, Captions(segment.width, segment.height, font, language, style))
        captions = self._captions[1]
        shown = [each for caption in segment.captions for each in _words_of(caption)]
        return [(caption, Label(captions.draw(caption.lines, heard).planes())) for caption, heard in shown]


def _words_of(caption: Caption) -> list[tuple[Caption, int | None]]:
    """A caption for as long as it stays the same, and how many of its characters are heard; None where it never changes."""
    if not caption.heard:
        return [(caption, None)]
    steps = [(caption.first, 0), *((max(frame, caption.first), count) for frame, count in caption.heard)]
    ends = [frame for frame, _ in steps[1:]] + [caption.end]
    return [
        (replace(caption, first=frame, end=end), count)
        for (frame, count), end in zip(steps, ends, strict=True)
        if end > frame
    ]


class Label:
    """A drawn caption, ready to be laid over frames: only its rectangle is touched."""

    def __init__(self, caption: CaptionPlanes) -> None:
        luma = (slice(caption.top, caption.top + caption.y.shape[0]), slice(caption.x, caption.x + caption.y.shape[1]))
        chroma = tuple(slice(part.start // 2, part.stop // 2) for part in luma)
        self._parts = [
            (luma, caption.y, *_weights(caption.alpha_y)),
            (chroma, caption.u, *_weights(caption.alpha_uv)),
            (chroma, caption.v, *_weights(caption.alpha_uv)),
        ]

    def put(self, frame: Planes) -> None:
        """Blend the caption into the frame."""
        for plane, (place, colour, below, above) in zip(frame, self._parts, strict=True):
            part = plane[place]
            part[:] = cv2.blendLinear(part, colour, below, above)


def _weights(alpha: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    above = np.asarray(alpha / 255.0, np.float32)
    return np.asarray(1.0 - above, np.float32), above


def _open(source: Source, segment: Segment) -> Drawing:
    size = (segment.width, segment.height)
    if source.kind == "clip":
        return Clip(Path(source.path), size, fit=Fit(source.fit), fps=segment.fps, shot=source.order)
    if source.kind == "placeholder":
        # Few films have one, and what reads titles is slow to import.
        from service.film.frames.placeholder import draw_placeholder  # noqa: PLC0415

        font = Path(segment.font) if segment.font else None
        rgb = draw_placeholder(size, source.title, source.seed, font, segment.language or SIMPLIFIED)
    else:
        rgb = load_image(Path(source.path), source.order, size)
    try:
        return Still(rgb, size, fit=Fit(source.fit), move=Move(source.move), frames=source.frames, fps=segment.fps)
    except cv2.error as error:
        raise FilmError(INPUT, f"图片无法处理：{error}", shot=source.order) from error


def rgb_of(planes: Planes) -> npt.NDArray[np.uint8]:
    """An H×W×3 RGB image of a frame."""
    rows, columns = planes.y.shape
    y = (planes.y.astype(np.float32) - 16) * (255 / 219)
    u, v = (_full(plane, columns, rows) * (255 / 224) for plane in (planes.u, planes.v))
    rgb = np.dstack([y + 1.5748 * v, y - 0.1873 * u - 0.4681 * v, y + 1.8556 * u])
    return np.asarray(rgb.round().clip(0, 255), np.uint8)


def _full(plane: npt.NDArray[np.uint8], columns: int, rows: int) -> npt.NDArray[np.float32]:
    large = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.float32) - 128
