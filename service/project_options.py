"""What a project chose for its later tasks and films: language, voice, seed, music, how subtitles look; beside its aspect and telling.

A task's own wish counts before the project's option. Films and narrations look when their tasks are made, others when they are asked for.
"""

from __future__ import annotations

from typing import Any

from models.project import Project
from models.rows import ProjectRow
from service.fields import MAX_SEED
from service.film.spec import PLAIN, CaptionStyle, Position
from service.schemas import ChosenOptions, NarrationRequest, SubtitleStyle

TOLD = "told"
NO_MUSIC = "none"
"""What a film asks for that is to have no music, though its project has some."""


def chosen(project: Project | ProjectRow) -> dict[str, Any]:
    """All options by name, as clients read them; "" and, of a number, None where nothing was chosen."""
    stored = project.options or {}
    return {
        "title": project.title,
        "aspect": project.aspect or "",
        "telling": project.telling or "",
        **{name: str(stored.get(name) or "") for name in ("language", "voice", "music")},
        "seed": _seed(project),
        "subtitle_style": {**_look(PLAIN), **_look(style(project))},
    }


def with_changes(stored: dict[str, Any] | None, given: ChosenOptions) -> dict[str, Any]:
    """The stored options with what is given; what is given as "" or null is forgotten, and of the subtitles' look each part by itself."""
    changed = dict(stored or {})
    for name in given.model_fields_set & set(ChosenOptions.model_fields):
        value = getattr(given, name)
        if isinstance(value, SubtitleStyle):
            look = {part: getattr(value, part) for part in value.model_fields_set}
            value = _kept({**(changed.get(name) or {}), **look})
        changed[name] = value
    return _kept(changed)


def style(project: Project | ProjectRow) -> CaptionStyle:
    """How the project's subtitles look."""
    given = (project.options or {}).get("subtitle_style")
    look = SubtitleStyle.model_validate(given if isinstance(given, dict) else {})
    return CaptionStyle(
        size=PLAIN.size if look.size is None else look.size,
        colour=look.colour or PLAIN.colour,
        outline=PLAIN.outline if look.outline is None else look.outline,
        position=Position(look.position or PLAIN.position),
        karaoke=bool(look.karaoke),
    )


def wishes(project: Project, order: int, own: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a model is asked for when it makes something for the project's shot at this place: `own`, and a seed where that has none.

    Each shot has a seed of its own, which follows from the project's: by one and the same, pictures are composed alike.
    """
    seed = _seed(project)
    return {**({} if seed is None else {"seed": (seed + order - 1) % (MAX_SEED + 1)}), **(own or {})}


def narration(project: Project | None, wanted: NarrationRequest, member_voice: str = "") -> NarrationRequest:
    """The request with a voice and a language where it names none: of the cast member who is alone in the shot, else the project's.

    Where a story is told in the model's own words one narrator tells it: then no member speaks.
    """
    stored = (project.options if project is not None else None) or {}
    of_cast = "" if project is not None and project.telling == TOLD else member_voice
    ours = {
        "voice": wanted.voice or of_cast or stored.get("voice") or "",
        "lang": wanted.lang or stored.get("language") or "",
    }
    return wanted.model_copy(update=ours)


def music(project: Project, asked: str) -> str:
    """The music of a film that asks for this: "" where it has none."""
    wanted = asked or str((project.options or {}).get("music") or "")
    return "" if wanted == NO_MUSIC else wanted


def _seed(project: Project | ProjectRow) -> int | None:
    seed = (project.options or {}).get("seed")
    return seed if isinstance(seed, int) else None


def _look(style: CaptionStyle) -> dict[str, Any]:
    names = ("size", "colour", "outline", "karaoke")
    return {**{name: getattr(style, name) for name in names}, "position": style.position.value}


def _kept(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", {})}
