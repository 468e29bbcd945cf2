"""The name under which a client saves what a link leads to, as the header that says so (RFC 6266, RFC 5987)."""

from __future__ import annotations

from urllib.parse import quote

# Characters of a title. An address with three bytes of each, encoded, is still one that every proxy takes.
LONGEST = 80
HELD_BY_SYSTEMS = frozenset('/\\:*?"<>|')
# They turn the direction of what follows: a name's end would be read somewhere else.
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def file_name(title: str, suffix: str) -> str:
    """A name that every system takes, with this suffix. A title with nothing in it that may stay leaves "film"."""
    kept = "".join("-" if one in HELD_BY_SYSTEMS else one for one in title if one.isprintable() and one not in BIDI)
    return (kept.strip(" .-")[:LONGEST].rstrip(" .-") or "film") + suffix


def attachment(name: str) -> str:
    """`Content-Disposition` by which a browser saves a file instead of showing it; ASCII alone, whatever the name."""
    fallback = "film" + "".join(name.rpartition(".")[1:])
    return f"attachment; filename={fallback}; filename*=UTF-8''{quote(name, safe='')}"
