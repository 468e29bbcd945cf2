"""Use cases of logins: begin one, go on with it, end it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete

from common.errors import Unauthorized
from models import account
from models.account import Account, LoginSession
from models.base import new_id
from models.db import retrying
from service.access import passwords
from service.access.tokens import ACCESS, INVALID, REFRESH, Tokens
from service.container import Services

log = logging.getLogger(__name__)

WRONG = "用户名或密码不正确"


@dataclass(frozen=True)
class Issued:
    """The tokens of a login; `expires_in` is the access token's, in seconds."""

    account: Account
    session_id: str
    access_token: str
    refresh_token: str
    expires_in: int


def log_in(services: Services, tokens: Tokens, name: str, password: str) -> Issued:
    """Begin a login. Raises `Unauthorized`, in the same words and after the same time whatever is wrong."""
    with services.database.read() as session:
        found = account.named(session, name)
    right = passwords.holds(password, found.password_hash if found is not None else None)
    if found is None or not right or found.disabled_at is not None:
        raise Unauthorized(WRONG)
    session_id, refresh_id = new_id(), new_id()
    _begin(services, found, session_id, refresh_id)
    return _issued(services, tokens, found, session_id, refresh_id)


@retrying
def _begin(services: Services, found: Account, session_id: str, refresh_id: str) -> None:
    now = services.clock.now()
    with services.database.write() as session:
        over = (LoginSession.account_id == found.id, LoginSession.expires_at < now)
        session.execute(delete(LoginSession).where(*over))
        session.add(
            LoginSession(
                id=session_id,
                account_id=found.id,
                refresh_id=refresh_id,
                created_at=now,
                expires_at=now + _stay(services),
            )
        )


def refresh(services: Services, tokens: Tokens, token: str) -> Issued:
    """New tokens for a refresh token, which does not count any more. One that comes again ends the whole login: somebody has copied it.

    Raises `Unauthorized`.
    """
    claims = tokens.read(REFRESH, token)
    new = new_id()
    found = _rotate(services, claims.session_id, claims.subject, claims.token_id, new)
    if found is None:
        raise Unauthorized(INVALID)
    return _issued(services, tokens, found, claims.session_id, new)


@retrying
def _rotate(services: Services, session_id: str, account_id: str, old: str, new: str) -> Account | None:
    now = services.clock.now()
    with services.database.write() as session:
        found = account.login(session, session_id)
        if found is None or found.account.id != account_id:
            return None
        if account.rotate(session, session_id, old=old, new=new, expires_at=now + _stay(services)):
            return found.account
        account.revoke_login(session, session_id, now=now)
        log.warning("a refresh token of %s came again; its login is ended", found.account.name)
        return None


@retrying
def log_out(services: Services, session_id: str) -> None:
    """End a login: neither of its tokens counts any more."""
    with services.database.write() as session:
        account.revoke_login(session, session_id, now=services.clock.now())


def _issued(services: Services, tokens: Tokens, found: Account, session_id: str, refresh_id: str) -> Issued:
    valid_s = services.settings.auth.access_minutes * 60
    return Issued(
        found,
        session_id,
        tokens.issue(ACCESS, found.id, session_id=session_id, valid_s=valid_s),
        tokens.issue(
            REFRESH,
            found.id,
            session_id=session_id,
            valid_s=int(_stay(services).total_seconds()),
            token_id=refresh_id,
        ),
        valid_s,
    )


def _stay(services: Services) -> timedelta:
    return timedelta(days=services.settings.auth.refresh_days)
