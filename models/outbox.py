"""The outbox: objects that are to be removed from storage, written in the transaction that takes their rows.

Whoever uploads an object announces it here first, so that what is never committed goes, however its uploader ends. While a row names an
object, no other object gets its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CursorResult,
    Delete,
    Integer,
    String,
    Update,
    case,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, insert_missing

UPLOADING, ONCE, TWICE = 0, 1, 2
"""`passes`: an upload that counts as lost when it is due; a removal; one that is made again after a while, since an upload that failed may
still be on its way within the storage.
"""


class Removal(Base):
    """`passes` are those that are left. It is not due before `not_before` (ms since 1970 by the database's clock).

    `attempts` counts the failures in a row. `project_id` is "" for music. A key that ends with a slash stands for all that lies under it.
    """

    __tablename__ = "outbox"

    object_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(64))
    passes: Mapped[int] = mapped_column(Integer)
    not_before: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)


@dataclass(frozen=True)
class Claim:
    """A removal that is ours until `until` (ms since 1970)."""

    key: str
    project_id: str
    passes: int
    attempts: int
    until: int


def announce(session: Session, key: str, project_id: str, *, until_ms: int) -> None:
    """The key is about to be uploaded, which takes until then at most."""
    session.add(Removal(object_key=key, project_id=project_id, passes=UPLOADING, not_before=until_ms))


def prolong(session: Session, key: str, *, until_ms: int) -> bool:
    """What was announced goes on until then. False when it took too long: it is being removed."""
    on = update(Removal).where(Removal.object_key == key, Removal.passes == UPLOADING).values(not_before=until_ms)
    return _hit(session, on)


def keep(session: Session, key: str) -> bool:
    """Keep what was uploaded. False when it took too long: it is being removed."""
    return _hit(session, delete(Removal).where(Removal.object_key == key, Removal.passes == UPLOADING))


def remove(session: Session, keys: Collection[str], project_id: str) -> None:
    """Remove these objects. One that is being uploaded goes when its uploader gives it up, or is late."""
    _insert(session, keys, project_id, ONCE)


def give_up(session: Session, keys: Collection[str], project_id: str) -> None:
    """Remove what was uploaded, or is still on its way to the storage."""
    again = update(Removal).where(Removal.object_key.in_(keys)).values(passes=TWICE, not_before=0, attempts=0)
    session.execute(again.execution_options(synchronize_session=False))
    _insert(session, keys, project_id, TWICE)


def expect(session: Session, key: str, project_id: str, *, until_ms: int) -> None:
    """Whoever may upload under this key, or prefix, may do so until then at least; behind a lock, so that no two do this at once."""
    row = session.get(Removal, key, with_for_update=True)
    if row is None:
        announce(session, key, project_id, until_ms=until_ms)
    else:
        row.passes, row.not_before, row.attempts = UPLOADING, max(row.not_before, until_ms), 0


def use_up(session: Session, key: str) -> None:
    """What was uploaded has served its purpose. It is looked for when it would have been lost, as its links hold until then."""
    used = update(Removal).where(Removal.object_key == key, Removal.passes == UPLOADING).values(passes=ONCE)
    session.execute(used.execution_options(synchronize_session=False))


def count_expected(session: Session, prefix: str) -> int:
    """How many uploads under this prefix are on their way."""
    under = Removal.object_key.startswith(prefix, autoescape=True)
    return session.scalar(select(func.count()).where(under, Removal.passes == UPLOADING)) or 0


def keys_of(session: Session, project_id: str) -> list[str]:
    """What is named here of the project; of "" the music."""
    rows = session.execute(select(Removal.object_key, Removal.project_id).where(Removal.project_id == project_id))
    return [row.object_key for row in rows if row.project_id == project_id]


def due(session: Session, now_ms: int, limit: int) -> Sequence[Removal]:
    """What is to be removed now, the most overdue first."""
    overdue = select(Removal).where(Removal.not_before <= now_ms)
    return session.scalars(overdue.order_by(Removal.not_before, Removal.object_key).limit(limit)).all()


def claim(session: Session, rows: Iterable[Removal], *, until_ms: int) -> list[Claim]:
    """Those of the rows that nobody else took meanwhile, ours until then. An upload that is late is lost."""
    passes = case((Removal.passes == UPLOADING, TWICE), else_=Removal.passes)
    return [
        Claim(row.object_key, row.project_id, row.passes or TWICE, row.attempts, until_ms)
        for row in rows
        if _hit(
            session,
            update(Removal)
            .where(
                Removal.object_key == row.object_key,
                Removal.not_before == row.not_before,
                Removal.passes == row.passes,
            )
            .values(not_before=until_ms, passes=passes),
        )
    ]


def removed(session: Session, claimed: Claim, *, again_ms: int) -> None:
    """The object is gone; the row with it, or once it was looked for again at `again_ms`."""
    if claimed.passes > ONCE:
        _write(session, claimed, passes=claimed.passes - 1, not_before=again_ms, attempts=0)
    else:
        drop(session, claimed)


def drop(session: Session, claimed: Claim) -> None:
    """Forget the removal."""
    _hit(session, delete(Removal).where(*_ours(claimed)))


def postpone(session: Session, claimed: Claim, *, not_before_ms: int, attempts: int) -> None:
    """Try again later."""
    _write(session, claimed, not_before=not_before_ms, attempts=attempts)


def _write(session: Session, claimed: Claim, **values: int) -> None:
    _hit(session, update(Removal).where(*_ours(claimed)).values(**values))


def _ours(claimed: Claim) -> tuple[Any, ...]:
    """Hits unless another took it, or its uploader has given it up since: then it goes once more."""
    same = (Removal.not_before == claimed.until, Removal.passes == claimed.passes)
    return (Removal.object_key == claimed.key, *same)


def _insert(session: Session, keys: Collection[str], project_id: str, passes: int) -> None:
    if not keys:
        return
    values = {"project_id": project_id, "passes": passes, "not_before": 0, "attempts": 0}
    insert_missing(session, Removal, [{"object_key": key, **values} for key in sorted(keys)])


def _hit(session: Session, statement: Update | Delete) -> bool:
    done = cast("CursorResult[Any]", session.execute(statement.execution_options(synchronize_session=False)))
    return done.rowcount == 1
