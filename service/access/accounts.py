"""Use cases of an operator: accounts and keys. They need the database alone, and texts are for a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from common.errors import StartError
from models import account
from models.account import Account, ApiKey, KeyOfAccount, Role, Scope
from models.base import new_id
from models.db import Database, retrying
from service.access import passwords
from service.access.principals import hash_of, new_key

_NAME = re.compile(r"[\w.@-]{1,64}")


class AccountError(StartError):
    """There is no such account or key, there is one already, or it cannot be so."""


def add(database: Database, name: str, password: str, *, admin: bool, now: datetime) -> None:
    """Add an account; raises `AccountError`, or `InvalidInput` for a password that will not do."""
    if not _NAME.fullmatch(name):
        raise AccountError("a name has 1 to 64 letters, digits, dots, hyphens, underscores or @")
    row = Account(
        id=new_id(),
        name=name,
        password_hash=passwords.hashed(password),
        role=Role.ADMIN if admin else Role.USER,
        created_at=now,
    )
    try:
        with database.write() as session:
            session.add(row)
    except IntegrityError as error:
        raise AccountError(f"there is an account {name} already") from error


def everybody(database: Database) -> Sequence[Account]:
    """All accounts, by name."""
    with database.read() as session:
        return account.all_accounts(session)


@retrying
def set_password(database: Database, name: str, password: str, *, now: datetime) -> None:
    """Give an account another password, and let it in again where it was disabled; its logins end, its keys stay."""
    stored = passwords.hashed(password)
    with database.write() as session:
        found = _found(session, name)
        changes = update(Account).where(Account.id == found.id).values(password_hash=stored, disabled_at=None)
        session.execute(changes)
        account.revoke_logins(session, found.id, now=now)


@retrying
def disable(database: Database, name: str, *, now: datetime) -> None:
    """Let an account in no more, by login or by key; what it made stays its own."""
    with database.write() as session:
        found = _found(session, name)
        session.execute(update(Account).where(Account.id == found.id).values(disabled_at=now))
        account.revoke_logins(session, found.id, now=now)


@retrying
def adopt(database: Database, name: str) -> int:
    """Give an account what nobody owns; returns how many projects that were."""
    with database.write() as session:
        return account.adopt(session, _found(session, name).id)


def add_key(database: Database, owner: str, name: str, scope: Scope, *, days: int, now: datetime) -> tuple[str, str]:
    """Add a key that lasts so many days (0: until it is revoked); its id and its text, which is told this once."""
    text = new_key()
    with database.write() as session:
        found = _found(session, owner)
        if scope is Scope.ADMIN and found.role != Role.ADMIN:
            raise AccountError(f"{owner} is no admin, and cannot have a key of scope admin")
        key = ApiKey(
            id=new_id(),
            account_id=found.id,
            name=name[:64],
            secret_hash=hash_of(text),
            scope=scope,
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
        session.add(key)
    return key.id, text


def all_keys(database: Database) -> Sequence[KeyOfAccount]:
    """All keys, by account."""
    with database.read() as session:
        return account.all_keys(session)


@retrying
def revoke_key(database: Database, key_id: str, *, now: datetime) -> None:
    """End a key."""
    with database.write() as session:
        if not account.revoke_key(session, key_id, now=now):
            raise AccountError(f"there is no key {key_id} that still counts")


def _found(session: Session, name: str) -> Account:
    found = account.named(session, name)
    if found is None:
        raise AccountError(f"there is no account {name}")
    return found
