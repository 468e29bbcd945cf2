"""Which of the sizes that a model has is nearest to the one that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

Size = tuple[int, int]


def size_of(text: str) -> Size:
    """Of `WxH`."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def nearest(sizes: Sequence[Size], wanted: Size) -> Size:
    """The one that loses least when it is cut to the wanted shape, and is nearest in size among those."""

    def distance(size: Size) -> float:
        shape = abs(log(size[0] / size[1]) - log(wanted[0] / wanted[1]))
        return shape + 0.5 * abs(log(size[0] * size[1]) - log(wanted[0] * wanted[1]))

    return min(sizes, key=distance)
