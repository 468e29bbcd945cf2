"""How one shot gives way to the next: a blend of two frames' planes into a third, per kind of transition."""

from __future__ import annotations

import cv2
import numpy as np

from service.film.frames.planes import BLACK, Plane, Planes
from service.film.spec import Transition

SOFT_EDGE = 0.06  # of the width, over which a wipe's edge mixes


def blend(kind: Transition, old: Planes, new: Planes, out: Planes, amount: float) -> None:
    """Write the frame at which `amount` (over 0, under 1) of the transition has passed."""
    if kind is Transition.FADE_BLACK:
        source, light = (old, 1.0 - 2.0 * amount) if amount < 0.5 else (new, 2.0 * amount - 1.0)
        for plane, target, black in zip(source, out, BLACK, strict=True):
            cv2.addWeighted(plane, light, plane, 0.0, black * (1.0 - light), dst=target)
    elif kind in (Transition.SLIDE_LEFT, Transition.SLIDE_RIGHT):
        # Whole chroma samples, and a soft start and stop: at this speed finer steps cannot be seen.
        shift = round(out.u.shape[1] * _ease(amount))
        for plane, target, old_plane, columns in (
            (new.y, out.y, old.y, 2 * shift),
            (new.u, out.u, old.u, shift),
            (new.v, out.v, old.v, shift),
        ):
            _slide(old_plane, plane, target, columns, leftwards=kind is Transition.SLIDE_LEFT)
    elif kind in (Transition.WIPE_LEFT, Transition.WIPE_RIGHT):
        for old_plane, plane, target in zip(old, new, out, strict=True):
            _wipe(old_plane, plane, target, _ease(amount), leftwards=kind is Transition.WIPE_LEFT)
    else:
        for old_plane, plane, target in zip(old, new, out, strict=True):
            cv2.addWeighted(old_plane, 1.0 - amount, plane, amount, 0.0, dst=target)


def _ease(amount: float) -> float:
    return amount * amount * (3.0 - 2.0 * amount)


def _slide(old: Plane, new: Plane, out: Plane, columns: int, *, leftwards: bool) -> None:
    rest = out.shape[1] - columns
    if leftwards:
        out[:, :rest] = old[:, columns:]
        out[:, rest:] = new[:, :columns]
    else:
        out[:, columns:] = old[:, :rest]
        out[:, :columns] = new[:, rest:]


def _wipe(old: Plane, new: Plane, out: Plane, amount: float, *, leftwards: bool) -> None:
    """The edge travels from one side to the other; its soft width starts and ends outside the frame."""
    width = out.shape[1]
    soft = SOFT_EDGE * width
    position = (np.arange(width) + 0.5) if not leftwards else width - (np.arange(width) + 0.5)
    share = np.clip((amount * (width + soft) - position) / soft, 0.0, 1.0).astype(np.float32)
    mixed = np.flatnonzero((share > 0.0) & (share < 1.0))
    out[:, share <= 0.0] = old[:, share <= 0.0]
    out[:, share >= 1.0] = new[:, share >= 1.0]
    if mixed.size:
        part = slice(int(mixed[0]), int(mixed[-1]) + 1)
        weight = np.broadcast_to(share[part], (out.shape[0], mixed.size))
        rest = np.ascontiguousarray(1.0 - weight)
        out[:, part] = cv2.blendLinear(old[:, part], new[:, part], rest, np.ascontiguousarray(weight))
