"""Who may come in: accounts, their logins and their keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, Integer, String, Update, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.asset import Asset
from models.base import Base
from models.project import Project
from models.task import Task
from models.types import TextEnum


class Role(TextEnum):
    """What an account may see: its own, or everything."""

    USER = "user"
    ADMIN = "admin"


class Scope(TextEnum):
    """What a key may do. LEGACY is WRITE for addresses with a key in them; only ADMIN, of an admin's account, sees what is others'."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    LEGACY = "legacy"


class Account(Base):
    """`stories` and `films` were begun on `quota_day` (days since 1970, UTC); both start anew with the next."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None] = mapped_column(default=None)
    quota_day: Mapped[int] = mapped_column(Integer, default=0)
    stories: Mapped[int] = mapped_column(Integer, default=0)
    films: Mapped[int] = mapped_column(Integer, default=0)


class LoginSession(Base):
    """A login. Its refresh tokens are one family: `refresh_id` is the `jti` of the only one that counts."""

    __tablename__ = "login_session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64))
    refresh_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class ApiKey(Base):
    """A key for programs; `secret_hash` is the SHA-256 of its random text, which is stored nowhere."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(64))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    last_used_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class Login(NamedTuple):
    """A login and whose it is."""

    session: LoginSession
    account: Account


class KeyOfAccount(NamedTuple):
    """A key and whose it is."""

    key: ApiKey
    account: Account


def named(session: Session, name: str) -> Account | None:
    """The account of this name."""
    row = session.scalar(select(Account).where(Account.name == name))
    return row if row is not None and row.name == name else None  # MySQL takes "a " for "a"


def all_accounts(session: Session) -> Sequence[Account]:
    """Every account, by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def login(session: Session, session_id: str) -> Login | None:
    """The login of this id that was not revoked and whose account is not disabled."""
    query = (
        select(LoginSession, Account)
        .join(Account, Account.id == LoginSession.account_id)
        .where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None), Account.disabled_at.is_(None))
    )
    row = session.execute(query).first()
    return Login(*row) if row is not None else None


def key_with_hash(session: Session, secret_hash: str) -> KeyOfAccount | None:
    """The key of this hash that was not revoked and whose account is not disabled."""
    query = (
        select(ApiKey, Account)
        .join(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.secret_hash == secret_hash, ApiKey.revoked_at.is_(None), Account.disabled_at.is_(None))
    )
    row = session.execute(query).first()
    return KeyOfAccount(*row) if row is not None else None


def all_keys(session: Session) -> Sequence[KeyOfAccount]:
    """Every key, by its account's name and its age."""
    query = select(ApiKey, Account).join(Account, Account.id == ApiKey.account_id)
    rows = session.execute(query.order_by(Account.name, ApiKey.created_at, ApiKey.id))
    return [KeyOfAccount(*row) for row in rows]


def rotate(session: Session, session_id: str, *, old: str, new: str, expires_at: datetime) -> bool:
    """Let the refresh token `new` count in the place of `old`; False where `old` does not count any more."""
    counts = (LoginSession.id == session_id, LoginSession.refresh_id == old, LoginSession.revoked_at.is_(None))
    return _hit(session, update(LoginSession).where(*counts).values(refresh_id=new, expires_at=expires_at))


def revoke_login(session: Session, session_id: str, *, now: datetime) -> None:
    """End a login: none of its tokens counts any more."""
    open_ = update(LoginSession).where(LoginSession.id == session_id, LoginSession.revoked_at.is_(None))
    _hit(session, open_.values(revoked_at=now))


def revoke_logins(session: Session, account_id: str, *, now: datetime) -> None:
    """End every login of an account."""
    open_ = update(LoginSession).where(LoginSession.account_id == account_id, LoginSession.revoked_at.is_(None))
    _hit(session, open_.values(revoked_at=now))


def revoke_key(session: Session, key_id: str, *, now: datetime) -> bool:
    """End a key; False where there is none of this id that still counts."""
    return _hit(session, update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now))


def note_use(session: Session, key_id: str, *, now: datetime, before: datetime) -> None:
    """Note that a key was used, unless that was noted since `before`."""
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < before)
    _hit(session, update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=now))


def adopt(session: Session, account_id: str) -> int:
    """Give the account every row that nobody owns; returns how many projects were among them."""
    count = 0
    for model in (Task, Asset, Project):
        statement = update(model).where(model.owner_id.is_(None)).values(owner_id=account_id)
        done = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
        count = done.rowcount
    return count


def _hit(session: Session, statement: Update) -> bool:
    done = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
    return done.rowcount > 0
