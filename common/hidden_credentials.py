"""Texts without the keys and tokens that clients put into addresses: what is logged must not let its reader in."""

from __future__ import annotations

import re

HIDDEN = "***"

_PATTERNS = (
    re.compile(r"(?<=/k/)[^/\s?#\"'\\]+"),
    re.compile(r"(?<=/%6b/)[^/\s?#\"'\\]+", re.IGNORECASE),
    re.compile(r"(?<=token=)[^&\s#\"'\\]+", re.IGNORECASE),
    re.compile(r"(?<=X-Amz-Signature=)[0-9A-Fa-f]+", re.IGNORECASE),
    re.compile(r"\bs2v_[A-Za-z0-9_-]{8,}"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"),
)


def without_credentials(text: str) -> str:
    """The text with keys in addresses, `token=` parameters, signatures of S3, API keys and JSON web tokens masked."""
    for pattern in _PATTERNS:
        text = pattern.sub(HIDDEN, text)
    return text
