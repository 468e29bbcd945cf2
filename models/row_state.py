"""What a row says, in a few letters: the same as long as nobody has changed it.

By these two people who change one row at the same time are told apart (`service.preconditions`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from sqlalchemy import inspect

from models.base import Base
from models.rows import ProjectRow, ShotRow

UNHEEDED = {"updated_at", "order", "status", "duration", "cost", "cast"}
"""What nobody writes, but follows from other changes: `order` from those of other shots, `cast` from those of the cast, the rest from the
work that is done.
"""


def state_of(row: Base | ShotRow | ProjectRow) -> str:
    """32 hexadecimal digits of all that the row's own columns hold, whichever way it was read."""
    values = [(name, _plain(value)) for name, value in sorted(values_of(row).items()) if name not in UNHEEDED]
    return sha256(repr(values).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def values_of(row: Base | ShotRow | ProjectRow) -> dict[str, Any]:
    """What the row's own columns hold, by the names of its attributes."""
    if not isinstance(row, Base):
        return row._asdict()
    mapper = inspect(type(row))
    names = [mapper.get_property_by_column(column).key for column in mapper.local_table.columns]
    return {name: getattr(row, name) for name in names}


def _plain(value: object) -> object:
    """As it will be read: a word of an enum is written as one, and read as text."""
    return str(value) if isinstance(value, str) else value
