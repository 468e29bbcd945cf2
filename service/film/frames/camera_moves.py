"""Camera moves over a still image: which one, if any, and the window of the image that each frame shows.

A window is a rectangle of the frame's aspect inside the image. The camera goes from one window to another; the windows in between are
straight mixtures of the two, so that they stay inside the image, and the zoom changes by the same ratio every frame, which the eye takes
as steady. Nothing is rounded to whole pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from service.film.frames.saliency import Saliency, heaviest

ZOOM_PER_S = 0.028  # how much larger the image gets in a second
ZOOM_LEAST, ZOOM_MOST = 0.06, 0.16
PAN_ZOOM = 1.10  # a pan needs room on either side
PAN_PER_S = 0.022  # of the frame's width (height), in a second
TRAVEL_PER_S = 0.1  # the same, over an image longer than the frame
FOOT = 0.1  # of the frame's height, at its foot, where subtitles lie: what is seen there is not seen well
SLACK = 0.12  # of the frame's width (height): an image that is longer by less is not travelled over


class Move(str, Enum):
    """What the camera does during a shot; `NONE` is never drawn, only asked for."""

    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"
    NONE = "none"


DRAWN = tuple(move for move in Move if move is not Move.NONE)


class Window(NamedTuple):
    """Centre and zoom: the window is 1/zoom of the frame's size, in units in which the frame is as large as the image's best fit."""

    x: float
    y: float
    zoom: float


def choose_moves(seeds: Sequence[int]) -> list[Move]:
    """A move per shot, drawn by its seed, never one of the two before it."""
    chosen: list[Move] = []
    for seed in seeds:
        moves = sorted(DRAWN, key=lambda move: hashlib.sha256(f"{seed}:{move.value}".encode()).digest())
        chosen.append(next(move for move in moves if move not in chosen[-2:]))
    return chosen


def plan_move(
    move: Move, image: tuple[float, float], frame: tuple[float, float], seen: Saliency, seconds: float
) -> tuple[Window, Window]:
    """First and last window of a move.

    `image` is the image's size when it just covers `frame` (same units), `seconds` how long it is seen. Where the image is longer
    than the frame (a square one in a wide film), the camera also travels over what is in it, so that nothing of it is never shown.
    Without a move the window is as large as can be, and about what stands out most.
    """
    if move is Move.NONE:
        window = _stand(image, frame, seen)
        return window, window
    gain = min(max(ZOOM_PER_S * seconds, ZOOM_LEAST), ZOOM_MOST)
    zooms = {Move.ZOOM_IN: (1.0, 1.0 + gain), Move.ZOOM_OUT: (1.0 + gain, 1.0)}.get(move, (PAN_ZOOM, PAN_ZOOM))
    across = _Axis(image[0], frame[0], seen.x, seen.across)
    foot = min(1.0, seen.down[1] + FOOT * frame[1] / image[1])
    down = _Axis(image[1], frame[1], seen.y, (seen.down[0], foot))
    x = across.path(zooms, seconds, along=_ALONG.get(move) == "x", back=move is Move.PAN_LEFT)
    y = down.path(zooms, seconds, along=_ALONG.get(move) == "y", back=move is Move.PAN_UP)
    return Window(x[0], y[0], zooms[0]), Window(x[1], y[1], zooms[1])


def _stand(image: tuple[float, float], frame: tuple[float, float], seen: Saliency) -> Window:
    x = _middle(image[0], frame[0], seen.x, seen.columns, 0.0)
    y = _middle(image[1], frame[1], seen.y, seen.rows, FOOT)
    return Window(x, y, 1.0)


def _middle(image: float, frame: float, focus: float, profile: Sequence[float], foot: float) -> float:
    """The centre of the frame that shows most of what stands out, apart from its foot."""
    place = focus * image
    if profile and image > frame:
        part = frame * (1.0 - foot)
        place = heaviest(profile, part / image) * image + (frame - part) / 2
    return min(max(place, frame / 2), image - frame / 2)


_ALONG = {Move.PAN_LEFT: "x", Move.PAN_RIGHT: "x", Move.PAN_UP: "y", Move.PAN_DOWN: "y"}


class _Axis(NamedTuple):
    """One direction of the plan: lengths of image and frame in the same units, the point of interest and the span of it from 0 to 1."""

    image: float
    frame: float
    focus: float
    span: tuple[float, float]

    def path(self, zooms: tuple[float, float], seconds: float, *, along: bool, back: bool) -> tuple[float, float]:
        """Centres of the first and the last window. `along`: the camera pans in this direction, or against it with `back`."""
        if not along:
            # It ends where the point of interest is nearer; zooming out, it starts there.
            back = (self.focus < sum(self.span) / 2) is not (zooms[0] > zooms[1])
        half_low, half_high = (self.frame / zoom / 2 for zoom in (reversed(zooms) if back else zooms))
        low, high = self._ends(half_low, half_high, seconds)
        if along:
            reach = max(PAN_PER_S * seconds * self.frame / 2, 1.0)
            middle = (low + high) / 2
            low, high = min(low, middle - reach), max(high, middle + reach)
            # Against an edge the way would be short: it takes what it lacks on the other side.
            low, high = min(low, self.image - half_high - (high - low)), max(high, half_low + (high - low))
        low = min(max(low, half_low), self.image - half_low)
        high = min(max(high, half_high), self.image - half_high)
        return (high, low) if back else (low, high)

    def _ends(self, half_low: float, half_high: float, seconds: float) -> tuple[float, float]:
        """The centres between which the camera has seen all of the span; nearer to each other where the time would not do."""
        focus = self.focus * self.image
        if self.image - self.frame < SLACK * self.frame:
            return focus, focus
        low, high = self.span[0] * self.image + half_low, self.span[1] * self.image - half_high
        if low >= high:  # the span fits into the frame
            return (low + high) / 2, (low + high) / 2
        most = TRAVEL_PER_S * seconds * self.frame
        if high - low > most:
            middle = min(max(focus, low + most / 2), high - most / 2)
            low, high = middle - most / 2, middle + most / 2
        return low, high


def window_at(first: Window, last: Window, progress: float) -> Window:
    """The window at `progress` (0 to 1) of a move."""
    if first.zoom == last.zoom:
        mix, zoom = progress, first.zoom
    else:
        ratio = first.zoom / last.zoom
        zoom = first.zoom * ratio**-progress
        mix = (1.0 - ratio**progress) / (1.0 - ratio)
    return Window(first.x + (last.x - first.x) * mix, first.y + (last.y - first.y) * mix, zoom)
