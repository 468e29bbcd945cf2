"""Signed tokens: who is logged in (access), who may stay so (refresh), and links that need no login.

The algorithm is the configured one, whatever a token's head says, and the key is the only one that there is: `kid`, `jku` and the like are
not looked at. Each purpose has an audience of its own, so that no token serves another.

The libraries are imported where they are used: they would be a good part of a start.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import DependencyError, Unauthorized
from common.secret_file import kept_secret
from config.settings import AuthSettings, Settings
from models.base import new_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ACCESS, REFRESH, LINK = "storytovideo:access", "storytovideo:refresh", "storytovideo:link"
CLAIMS = ["exp", "iat", "jti", "sub", "aud"]
INVALID = "登录凭证无效或已过期，请重新登录"
LONGEST = 4096  # characters
SKEW_S = 60  # by which the clock of the server that issued a token may be ahead
LINK_S = 7 * 24 * 3600
LEAST_RSA = 2048  # bits


@dataclass(frozen=True)
class Claims:
    """What a token says: whose it is, in which login, its own id, and when it ends (seconds since 1970)."""

    subject: str
    session_id: str
    token_id: str
    expires_at: float = math.inf


class Tokens:
    """Issues tokens and reads them."""

    def __init__(self, signing: Any, verifying: Any, algorithm: str, label_key: bytes) -> None:
        self._signing, self._verifying, self._algorithm = signing, verifying, algorithm
        self._label_key = label_key

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        """The configured ones. Raises `DependencyError` where the key cannot be used."""
        secret = settings.auth.secret or kept_secret(settings.data_dir)
        key = _derived(secret, b"tokens")
        if settings.auth.algorithm == "HS256":
            return cls(key, key, "HS256", _derived(secret, b"forms"))
        private = _private_key(settings.auth)
        return cls(private, private.public_key(), "RS256", _derived(secret, b"forms"))

    def issue(self, audience: str, subject: str, *, session_id: str = "", valid_s: int, token_id: str = "") -> str:
        """A token for the purpose, valid from now on."""
        import jwt

        now = int(time.time())
        claims = {
            "aud": audience,
            "sub": subject,
            "sid": session_id,
            "jti": token_id or new_id(),
            "iat": now,
            "exp": now + valid_s,
        }
        return jwt.encode(claims, self._signing, algorithm=self._algorithm)

    def read(self, audience: str, token: str) -> Claims:
        """What a token for the purpose says; raises `Unauthorized` for any other."""
        import jwt

        try:
            if len(token) > LONGEST:
                raise Unauthorized(INVALID)
            found = jwt.decode(
                token,
                self._verifying,
                algorithms=[self._algorithm],
                audience=audience,
                options={"require": CLAIMS, "verify_iat": False, "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthorized(INVALID) from error
        issued, session_id = found["iat"], found.get("sid", "")
        if isinstance(issued, bool) or not isinstance(issued, int) or issued > time.time() + SKEW_S:
            raise Unauthorized(INVALID)
        if not isinstance(session_id, str):
            raise Unauthorized(INVALID)
        return Claims(found["sub"], session_id, found["jti"], float(found["exp"]))

    def link(self, subject: str) -> str:
        """A token that opens one address."""
        return self.issue(LINK, subject, valid_s=LINK_S)

    def opens(self, token: str, subject: str) -> bool:
        """Whether a token opens this address."""
        try:
            return self.read(LINK, token).subject == subject
        except Unauthorized:
            return False

    def form_token(self, session_id: str) -> str:
        """What a page of ours, and no other site's, can send beside the cookies of a login."""
        return hmac.new(self._label_key, session_id.encode(), hashlib.sha256).hexdigest()


def _derived(secret: str, purpose: bytes) -> bytes:
    return hashlib.sha256(b"storytovideo " + purpose + b"\0" + secret.encode()).digest()


def _private_key(settings: AuthSettings) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(settings.private_key).read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise DependencyError(
            f"auth.private_key: {settings.private_key!r} is no private key in PEM ({error})"
        ) from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < LEAST_RSA:
        raise DependencyError(f"auth.private_key: RS256 needs an RSA key of at least {LEAST_RSA} bits")
    return key
