"""Who appears in a project's story, as the storyboard drew them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Integer, String, Text, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, new_id
from models.shot import Shot


class CastMember(Base):
    """`position` counts from 1; a look is for people in Chinese, and for models in English. The rows go with their project by hand.

    `id` names the row within its project; of one without, as older versions left it, its position does. `reference` is the key of a picture
    of them, and `updated_at` is when a person changed the row last.
    """

    __tablename__ = "cast_member"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    look_zh: Mapped[str | None] = mapped_column(Text, default="")
    look_en: Mapped[str | None] = mapped_column(Text, default="")
    id: Mapped[str | None] = mapped_column(String(64), default=new_id)
    voice: Mapped[str | None] = mapped_column(String(64), default="")
    reference: Mapped[str | None] = mapped_column(String(1024), default="")
    updated_at: Mapped[datetime | None] = mapped_column(default=None)

    @property
    def public_id(self) -> str:
        """What clients name it by."""
        return self.id or str(self.position)

    @property
    def painted_look(self) -> str:
        """The look as it stands in the prompts of shots."""
        return self.look_en or self.look_zh or ""

    def appears_in(self, shot: Shot) -> bool:
        """Whether a shot shows them: its prompt has their look, or its words have their name."""
        return appears(self.name, self.painted_look, shot.prompt or "", f"{shot.title}\n{shot.spoken}")


def appears(name: str, look: str, prompt: str, words: str) -> bool:
    """Whether somebody appears in a shot with this prompt and these words."""
    name, look, prompt = name.casefold(), look.casefold(), prompt.casefold()
    if look and look in prompt:
        return True
    words = f"{words.casefold()}\n{prompt}"
    if not name.isascii():
        return name in words
    return bool(name.strip()) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", words) is not None


def meet(session: Session, project_id: str, shots: Sequence[Shot]) -> None:
    """Let the project's shots know who appears in them (`Shot.cast`)."""
    there = members(session, project_id) if shots else ()
    for shot in shots:
        shot.cast = tuple(member.public_id for member in there if member.appears_in(shot))


def voice_in(there: Sequence[CastMember], shot: Shot) -> str:
    """The voice of the one of these who appears in the shot and has one; "" where nobody has, or several have."""
    voices = [member.voice for member in there if member.voice and member.appears_in(shot)]
    return str(voices[0]) if len(voices) == 1 else ""


def retell(session: Session, project_id: str, told: Sequence[CastMember]) -> None:
    """A new storyboard's cast takes the old one's place: who has the same name keeps id, voice and picture, and whom a person added or
    changed stays at the end.
    """
    before = {member.name: member for member in members(session, project_id)}
    for member in told:
        old = before.pop(member.name, None)
        if old is not None:
            member.id, member.voice, member.reference = old.public_id, old.voice, old.reference
            member.updated_at = old.updated_at
    kept = [_copy(old, len(told) + number) for number, old in enumerate(filter(_is_touched, before.values()), 1)]
    replace(session, project_id, [*told, *kept])


def _is_touched(member: CastMember) -> bool:
    return member.updated_at is not None


def _copy(member: CastMember, position: int) -> CastMember:
    names = ("project_id", "name", "look_zh", "look_en", "voice", "reference", "updated_at")
    return CastMember(id=member.public_id, position=position, **{name: getattr(member, name) for name in names})


def replace(session: Session, project_id: str, members: Sequence[CastMember]) -> None:
    """These are the project's cast from now on."""
    session.execute(delete(CastMember).where(CastMember.project_id == project_id))
    session.add_all(members)


def members(session: Session, project_id: str) -> Sequence[CastMember]:
    """The project's cast, in order."""
    rows = select(CastMember).where(CastMember.project_id == project_id).order_by(CastMember.position)
    return session.scalars(rows).all()
