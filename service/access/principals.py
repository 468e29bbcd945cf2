"""Who a credential stands for: an access token of a login, or an API key."""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.caller import Caller
from common.errors import Unauthorized
from models import account
from models.account import ApiKey, LoginSession, Role, Scope
from models.db import retrying
from service.access.tokens import ACCESS, INVALID, Claims, Tokens
from service.container import Services

KEY_PREFIX = "s2v_"
LONGEST = 128  # characters of a key
NOTE_EVERY = timedelta(minutes=1)  # the last use of a key


@dataclass(frozen=True)
class Principal:
    """An account that came in, by a login or by a key, and what it may do; its credential counts until `ends_at` (seconds since 1970)."""

    account_id: str
    name: str
    role: str
    scope: Scope
    session_id: str = ""
    key_id: str = ""
    ends_at: float = math.inf

    @property
    def caller(self) -> Caller:
        """On whose behalf the request is served."""
        return Caller(self.account_id, sees_all=self.scope is Scope.ADMIN)

    @property
    def may_write(self) -> bool:
        """Whether it may change anything."""
        return self.scope is not Scope.READ


def new_key() -> str:
    """A key with 256 random bits."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What is stored of a key: guessing one is hopeless, so that a quick hash does."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def of_credential(services: Services, tokens: Tokens, text: str) -> Principal:
    """The principal of a key or an access token; raises `Unauthorized`."""
    if text.startswith(KEY_PREFIX):
        return of_key(services, text)
    claims = tokens.read(ACCESS, text)
    with services.database.read() as session:
        found = account.login(session, claims.session_id)
    if found is None or found.account.id != claims.subject or found.session.expires_at <= services.clock.now():
        raise Unauthorized(INVALID)
    scope = Scope.ADMIN if found.account.role == Role.ADMIN else Scope.WRITE
    account_id, name, role = found.account.id, found.account.name, found.account.role
    return Principal(account_id, name, role, scope, session_id=found.session.id, ends_at=_end(claims, found.session))


def of_key(services: Services, text: str) -> Principal:
    """The principal of a key; raises `Unauthorized`."""
    now = services.clock.now()
    found = None
    if len(text) <= LONGEST:
        with services.database.read() as session:
            found = account.key_with_hash(session, hash_of(text))
    if found is None or _is_over(found.key, now):
        raise Unauthorized("API 密钥无效、已过期或已吊销")
    if found.key.last_used_at is None or found.key.last_used_at < now - NOTE_EVERY:
        _note_use(services, found.key.id)
    scope = Scope(found.key.scope)
    if scope is Scope.ADMIN and found.account.role != Role.ADMIN:
        scope = Scope.WRITE
    ends = found.key.expires_at.timestamp() if found.key.expires_at is not None else math.inf
    return Principal(found.account.id, found.account.name, found.account.role, scope, key_id=found.key.id, ends_at=ends)


def _end(claims: Claims, login: LoginSession) -> float:
    """When an access token counts no more, in seconds since 1970."""
    return min(claims.expires_at, login.expires_at.timestamp())


def _is_over(key: ApiKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now


@retrying
def _note_use(services: Services, key_id: str) -> None:
    now = services.clock.now()
    with services.database.write() as session:
        account.note_use(session, key_id, now=now, before=now - NOTE_EVERY)
