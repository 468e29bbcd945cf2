"""How large the parts of an upload are."""

from __future__ import annotations

MOST_PARTS = 10_000  # of one upload, by S3


def part_size_for(size: int, least: int, most_parts: int = MOST_PARTS) -> int:
    """Bytes of each part but the last, so that there are not too many of them; whole MiB."""
    wanted = -(-size // most_parts)
    return max(least, -(-wanted >> 20) << 20 if wanted > least else least)
