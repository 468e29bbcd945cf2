"""Log lines without secrets: those of this process, which are known by their values, and what has the form of one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 6  # characters of a secret that is masked wherever it stands: shorter ones are parts of words

# Each with a text without which it finds nothing.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("://",), re.compile(r"(?<=://)[^/\s?#@\"'\\]+(?=@)"), HIDDEN),
    (
        ("password=", "secret=", "key=", "signature=", "sig=", "token="),
        re.compile(r"((?:password|secret|api_?key|signature|sig|token|key)=)[^&\s#\"'\\]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (
        ("authorization", "cookie", "api-key"),
        re.compile(r"""((?:authorization|cookie|api-key)\\?["']?\s?[:=]\s?\\?["']?)[^"'\\\r\n]+""", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (("bearer ", "basic "), re.compile(r"(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (("sk-",), re.compile(r"\bsk-[A-Za-z0-9_-]{12,}"), HIDDEN),
)
_NEEDLES = tuple((needle, number) for number, (needles, _, _) in enumerate(_PATTERNS) for needle in needles)
_known: list[str] = []
_known_pattern: list[re.Pattern[str]] = []  # of them, one or none


def hide(secrets: Iterable[str]) -> None:
    """Mask these texts from now on, as they are and as they stand in addresses and in JSON; short ones are left alone."""
    for secret in secrets:
        if len(secret) >= SHORTEST:
            forms = (secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1])
            _known.extend(form for form in dict.fromkeys(forms) if form not in _known)
    longest_first = sorted(_known, key=len, reverse=True)
    _known_pattern[:] = [re.compile("|".join(map(re.escape, longest_first)))] if longest_first else []


def without_credentials(text: str) -> str:
    """The text with all of that masked."""
    for pattern in _known_pattern:
        text = pattern.sub(HIDDEN, text)
    lowered = text.lower()
    for number in sorted({number for needle, number in _NEEDLES if needle in lowered}):
        _, found, shown = _PATTERNS[number]
        text = found.sub(shown, text)
    return text
