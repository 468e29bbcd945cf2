"""Camera moves over a still picture: which one, and the window of the picture that each frame shows.

A window is a rectangle of the frame's aspect inside the picture. The camera goes from one window to another; the windows in between are
straight mixtures of the two, so that they stay inside the picture, and the zoom changes by the same ratio every frame, which the eye takes
as steady. Nothing is rounded to whole pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

ZOOM_PER_S = 0.028  # how much larger the picture gets in a second
ZOOM_LEAST, ZOOM_MOST = 0.06, 0.16
PAN_ZOOM = 1.10  # a pan needs room on either side
PAN_PER_S = 0.022  # of the frame's width (height), in a second


class Move(str, Enum):
    """What the camera does during a shot."""

    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    PAN_LEFT = "pan_left"
    PAN_RIGHT = "pan_right"
    PAN_UP = "pan_up"
    PAN_DOWN = "pan_down"


class Window(NamedTuple):
    """Centre and zoom: the window is 1/zoom of the frame's size, in units in which the frame is as large as the picture's best fit."""

    x: float
    y: float
    zoom: float


def choose_moves(seeds: Sequence[int]) -> list[Move]:
    """A move per shot, drawn by its seed, never one of the two before it."""
    chosen: list[Move] = []
    for seed in seeds:
        moves = sorted(Move, key=lambda move: hashlib.sha256(f"{seed}:{move.value}".encode()).digest())
        chosen.append(next(move for move in moves if move not in chosen[-2:]))
    return chosen


def plan_move(
    move: Move, picture: tuple[float, float], frame: tuple[float, float], focus: tuple[float, float], seconds: float
) -> tuple[Window, Window]:
    """First and last window of a move.

    `picture` is the picture's size when it just covers `frame` (same units), `focus` the point (0 to 1 in both directions) that the
    camera favours, `seconds` how long it is seen.
    """
    gain = min(max(ZOOM_PER_S * seconds, ZOOM_LEAST), ZOOM_MOST)
    aim = (focus[0] * picture[0], focus[1] * picture[1])
    if move in (Move.ZOOM_IN, Move.ZOOM_OUT):
        wide = _inside(Window(*aim, 1.0), picture, frame)
        close = _inside(Window(*aim, 1.0 + gain), picture, frame)
        return (wide, close) if move is Move.ZOOM_IN else (close, wide)
    across = move in (Move.PAN_LEFT, Move.PAN_RIGHT)
    reach = max(PAN_PER_S * seconds * (frame[0] if across else frame[1]) / 2, 1.0)
    step = (reach, 0.0) if across else (0.0, reach)
    low = _inside(Window(aim[0] - step[0], aim[1] - step[1], PAN_ZOOM), picture, frame)
    high = _inside(Window(aim[0] + step[0], aim[1] + step[1], PAN_ZOOM), picture, frame)
    # Against an edge the pan would be short: it takes what it lacks on the other side.
    low = _inside(Window(high.x - 2 * step[0], high.y - 2 * step[1], PAN_ZOOM), picture, frame)
    high = _inside(Window(low.x + 2 * step[0], low.y + 2 * step[1], PAN_ZOOM), picture, frame)
    return (high, low) if move in (Move.PAN_LEFT, Move.PAN_UP) else (low, high)


def window_at(first: Window, last: Window, progress: float) -> Window:
    """The window at `progress` (0 to 1) of a move."""
    if first.zoom == last.zoom:
        mix, zoom = progress, first.zoom
    else:
        ratio = first.zoom / last.zoom
        zoom = first.zoom * ratio**-progress
        mix = (1.0 - ratio**progress) / (1.0 - ratio)
    return Window(first.x + (last.x - first.x) * mix, first.y + (last.y - first.y) * mix, zoom)


def _inside(window: Window, picture: tuple[float, float], frame: tuple[float, float]) -> Window:
    half_w, half_h = frame[0] / window.zoom / 2, frame[1] / window.zoom / 2
    x = min(max(window.x, half_w), picture[0] - half_w)
    y = min(max(window.y, half_h), picture[1] - half_h)
    return Window(x, y, window.zoom)
