"""`main.py user` and `main.py key`: accounts and keys, over the database alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.bootstrap import open_database
from models.db import Database
from runtime.data_dir import protect
from service.access import accounts


@dataclass(frozen=True)
class Desk:
    """Where an operator's orders are carried out: the database, the time, and how to answer."""

    database: Database
    clock: Clock
    say: Callable[[str], object]


@contextmanager
def open_desk(settings: Settings, say: Callable[[str], object]) -> Iterator[Desk]:
    """The configured database, its tables made or brought up to date. Raises `DatabaseUnavailable`."""
    protect(settings)
    database = open_database(settings)
    try:
        yield Desk(database, Clock(), say)
    finally:
        database.close()


def add_user(desk: Desk, name: str, password: str, *, admin: bool) -> None:
    """Add an account."""
    accounts.add(desk.database, name, password, admin=admin, now=desk.clock.now())
    desk.say(f"{name} may log in" + (", and sees everything" if admin else ""))


def list_users(desk: Desk) -> None:
    """A line for each account."""
    for row in accounts.everybody(desk.database):
        state = f"disabled {_day(row.disabled_at)}" if row.disabled_at else "active"
        desk.say(f"{row.name}\t{row.role}\t{state}\tsince {_day(row.created_at)}")


def set_password(desk: Desk, name: str, password: str) -> None:
    """Give an account another password."""
    accounts.set_password(desk.database, name, password, now=desk.clock.now())
    desk.say(f"{name} has a new password; its logins are ended")


def disable(desk: Desk, name: str) -> None:
    """Let an account in no more."""
    accounts.disable(desk.database, name, now=desk.clock.now())
    desk.say(f"{name} is let in no more, by login or by key")


def adopt(desk: Desk, name: str) -> None:
    """Give an account what nobody owns."""
    desk.say(f"{name} owns {accounts.adopt(desk.database, name)} projects more")


def add_key(desk: Desk, owner: str, name: str, scope: str, days: int) -> None:
    """Add a key, and say it."""
    id_, text = accounts.add_key(desk.database, owner, name, Scope(scope), days=days, now=desk.clock.now())
    desk.say(f"key {id_} of {owner}, scope {scope}; it is shown this once:\n{text}")


def list_keys(desk: Desk) -> None:
    """A line for each key."""
    for key, account in accounts.all_keys(desk.database):
        states = [("revoked", key.revoked_at), ("expires", key.expires_at), ("used", key.last_used_at)]
        told = [f"{word} {_day(time)}" for word, time in states if time is not None]
        desk.say("\t".join([key.id, account.name, key.scope, key.name, f"since {_day(key.created_at)}", *told]))


def revoke_key(desk: Desk, id_: str) -> None:
    """End a key."""
    accounts.revoke_key(desk.database, id_, now=desk.clock.now())
    desk.say(f"the key {id_} counts no more")


def _day(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M")
