"""What a stranger writes to forge a line of a log, to steer the terminal that shows it, or to hide in it."""

from __future__ import annotations

FORGED = "2026-01-01 00:00:00,000 ERROR main: all is lost"
INVISIBLE = [
    *map(chr, range(32)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u00ad\u061c\u180e\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\ufff9\ud800\udcff",
    "\U000e0001",
]


def forging(character: str) -> str:
    """A text that goes on with a line that looks like the log's own, where the character is let through."""
    return f"图{character}{FORGED}"
