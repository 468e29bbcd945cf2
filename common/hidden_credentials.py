"""Texts without what lets their reader in: keys and tokens that clients put into addresses, passwords in addresses, signatures of links,
headers, and the secrets of this process, which are known by their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 6  # characters of a secret that is masked wherever it stands: shorter ones are parts of words

_VALUE = r"[^&\s#\"'\\]+"
_NAMES = (
    r"(?:password|passwd|pwd|secret|secret_?key|api_?key|access_?key|signature|sig|token"
    r"|x-amz-(?:signature|credential|security-token))"
)
_WORDS = (
    "passw",
    "pwd",
    "secret",
    "key=",
    'key"',
    "key'",
    "key\\",
    "sig=",
    'sig"',
    "sig'",
    "signature",
    "token",
    "credential",
)
# Each with a text without which it finds nothing: most lines hold none of them, and a search for a fixed text costs next to nothing.
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (("/k/", "/%6b/"), re.compile(r"(?<=/k/)[^/\s?#\"'\\]+|(?<=/%6b/)[^/\s?#\"'\\]+", re.IGNORECASE), HIDDEN),
    (("://",), re.compile(r"(?<=://)[^/\s?#@\"'\\]+(?=@)"), HIDDEN),  # user and password
    (
        ("://",),
        re.compile(r"(?<=://)[^/\s?#@\"'\\]+@[^\s@\"'\\]+(?=@)"),
        HIDDEN,
    ),  # the same, of a password with an @ in it
    (("@tcp(", "@unix("), re.compile(r"(?<=:)[^\s\"'\\]{1,200}(?=@(?:tcp|unix)\()"), HIDDEN),
    (_WORDS, re.compile(rf"({_NAMES}=){_VALUE}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (
        _WORDS,
        re.compile(rf"""({_NAMES}\\?["']:\s?\\?["'])[^"'\\]+""", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (
        ("authorization", "cookie", "api-key"),
        re.compile(r"""((?:authorization|cookie|api-key)\\?["']?\s?[:=]\s?\\?["']?)[^"'\\\r\n]+""", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (("bearer ", "basic "), re.compile(r"(\b(?:bearer|basic) )[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (("s2v_",), re.compile(r"\bs2v_[A-Za-z0-9_-]{8,}"), HIDDEN),
    (("whsec_",), re.compile(r"\bwhsec_[A-Za-z0-9_+/=-]{8,}"), HIDDEN),
    (("$argon2",), re.compile(r"\$argon2[a-z]{1,2}\$[^\s\"'\\]+"), HIDDEN),
    (("eyj",), re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), HIDDEN),
)
_NEEDLES = tuple((needle, number) for number, (needles, _, _) in enumerate(_PATTERNS) for needle in needles)
_ANY_NEEDLE = re.compile("|".join(re.escape(needle) for needle in dict.fromkeys(needle for needle, _ in _NEEDLES)))
_known: list[str] = []
_known_pattern: list[re.Pattern[str]] = []  # of them, one or none


def hide(secrets: Iterable[str]) -> None:
    """Mask these texts, too, from now on, as they are and as they stand in addresses and in JSON; short ones are left alone."""
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
    if _ANY_NEEDLE.search(lowered) is None:  # a quarter of what looking for each of them takes
        return text
    for number in sorted({number for needle, number in _NEEDLES if needle in lowered}):
        _, found, shown = _PATTERNS[number]
        text = found.sub(shown, text)
    return text
