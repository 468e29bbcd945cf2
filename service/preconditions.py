"""What a client knew of a row when it asked for a change: where that is not so any more, nothing is changed, and it is told what is so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import object_session

from common.errors import PreconditionFailed
from models import cast_member
from models.project import Project
from models.row_state import state_of, values_of
from models.shot import Shot


@dataclass(frozen=True)
class Known:
    """The states that will do (`models.row_state`); `anything`: whatever there is."""

    states: frozenset[str]
    anything: bool = False


def check(row: Project | Shot, known: Known | None) -> None:
    """Raise `PreconditionFailed` where the row is not as it was known. It must be locked: nobody changes it until the caller commits."""
    if known is not None and not known.anything and state_of(row) not in known.states:
        what = "项目" if isinstance(row, Project) else "分镜"
        # A copy: the row itself is forgotten with the session, which is rolled back.
        present = type(row)(**values_of(row))
        session = object_session(row)
        if isinstance(present, Shot) and session is not None:
            cast_member.meet(session, present.project_id, [present])
        raise PreconditionFailed(f"{what}已被修改，请看过现在的内容后再试", present=present)
