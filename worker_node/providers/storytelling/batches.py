"""A story in pieces that fit a model's context."""

from __future__ import annotations

from collections.abc import Sequence

MOST_SCENES = 8  # that are asked for at once: small models lose count beyond
MAX_BATCH = 4000  # characters of story that are shown at once
MAX_PART = 2000  # of one part, where the model need not retell it
MAX_PIECE = 4000  # of the story when the cast is drawn
MOST_PIECES = 12


def batches(parts: Sequence[str]) -> list[range]:
    """The parts in neighbouring groups, each of which fits one question."""
    found: list[range] = []
    start = size = 0
    for number, part in enumerate(parts):
        if number > start and (number - start == MOST_SCENES or size + len(part) > MAX_BATCH):
            found.append(range(start, number))
            start, size = number, 0
        size += len(part)
    return [*found, range(start, len(parts))]


def excerpt(part: str) -> str:
    """A part without its middle where it is too long to be shown."""
    if len(part) <= MAX_PART:
        return part
    half = MAX_PART // 2
    return f"{part[:half]} … {part[-half:]}"


def pieces(story: str) -> list[str]:
    """The story for drawing its cast: all of it, or pieces from everywhere in it where it is very long."""
    cut = [story[start : start + MAX_PIECE] for start in range(0, len(story), MAX_PIECE)]
    if len(cut) <= MOST_PIECES:
        return cut
    return [cut[number * (len(cut) - 1) // (MOST_PIECES - 1)] for number in range(MOST_PIECES)]
