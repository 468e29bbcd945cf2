"""The shape of a project's pictures: what its aspect makes of the sizes of images and films.

Models paint best at about the pixels that they were trained with, in sides of multiples of 64: no image size is of its aspect exactly, and
each is nearer to it than a film frames or visibly crops (`service.film.frames.still.ASPECT_TOLERANCE`).
"""

from __future__ import annotations

from collections.abc import Mapping

from service.fields import MAX_SIDE, frame_size

IMAGES: Mapping[str, tuple[int, int]] = {
    "": (1024, 1024),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
    "1:1": (1024, 1024),
    "4:3": (1216, 896),
    "3:4": (896, 1216),
}
"""Width and height of an image in pixels, by the project's aspect."""


def image_size(aspect: str | None) -> tuple[int, int]:
    """Width and height of the project's images in pixels."""
    return IMAGES[aspect or ""]


def film_size(asked: str, aspect: str | None, default: str) -> tuple[int, int]:
    """Width and height of a film or a clip in pixels: what was asked for, else the default, its shorter side in the project's aspect.

    The longer side is at most `MAX_SIDE`, and both are even.
    """
    width, height = frame_size(asked or default)
    if asked or not aspect:
        return width, height
    across, down = (int(part) for part in aspect.split(":"))
    unit = min(min(width, height) / min(across, down), MAX_SIDE / max(across, down))
    return 2 * round(across * unit / 2), 2 * round(down * unit / 2)
