"""The tokens in a folder's links: JSON Web Tokens that name a key and when they expire.

Their library is imported when the first one is made or read: it would be a good part of a start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.errors import Forbidden

ALGORITHM = "HS256"


def sign(claims: Mapping[str, Any], signing_key: bytes) -> str:
    """The token of these claims; `sub` is the key, `aud` what the link is for and `exp` its end."""
    import jwt

    return jwt.encode(dict(claims), signing_key, algorithm=ALGORITHM)


def read(token: str, signing_key: bytes, *, audience: str, key: str, now: datetime) -> dict[str, Any]:
    """A token's claims; raises `Forbidden` unless it was signed here for this purpose and key, and has not expired by `now`."""
    import jwt

    options: Any = {"require": ["exp", "sub", "aud"], "verify_exp": False}  # expiry is judged by the store's own clock
    try:
        claims: dict[str, Any] = jwt.decode(
            token, signing_key, algorithms=[ALGORITHM], audience=audience, options=options
        )
    except (jwt.InvalidTokenError, UnicodeError) as error:
        raise Forbidden("链接签名无效") from error
    if claims["sub"] != key:
        raise Forbidden("链接签名无效")
    if claims["exp"] <= now.timestamp():
        raise Forbidden("链接已过期，请重新获取")
    return claims
