"""From a film request and a project's shots to a `FilmSpec`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from config.settings import Settings
from models.project import Project
from models.shot import Shot
from service import project_options
from service.film.spec import (
    Encoder,
    FilmShot,
    FilmSpec,
    Fit,
    Motion,
    Music,
    Quality,
    RateControl,
    Subtitles,
    Transition,
    Word,
)
from service.schemas import FilmRequest
from service.shapes import film_size

TRANSITIONS = {
    "": Transition.CROSSFADE,
    "dissolve": Transition.CROSSFADE,
    "none": Transition.CUT,
    "淡入淡出": Transition.FADE_BLACK,
    "叠化": Transition.CROSSFADE,
    "交叉淡化": Transition.CROSSFADE,
    "溶解": Transition.CROSSFADE,
    "切换": Transition.CUT,
    "硬切": Transition.CUT,
    "滑动": Transition.SLIDE_LEFT,
    "左滑": Transition.SLIDE_LEFT,
    "右滑": Transition.SLIDE_RIGHT,
    "擦除": Transition.WIPE_LEFT,
    "黑场": Transition.FADE_BLACK,
}
"""What clients have written into a shot's free `transition` text, beside our own names."""

GIB = 1 << 30
DAY_S = 86_400.0


def transition_of(text: str) -> Transition:
    """The transition that a free text means; a crossfade when it means none that we know."""
    word = text.strip().lower()
    try:
        return Transition(word)
    except ValueError:
        return TRANSITIONS.get(word, Transition.CROSSFADE)


def motion_of(request: FilmRequest, shot: Shot) -> Motion:
    """Whether the shot's image moves: what the shot says, else the request."""
    return Motion(shot.motion or request.motion)


def build(
    *,
    settings: Settings,
    request: FilmRequest,
    project: Project,
    shots: Sequence[Shot],
    files: Mapping[str, Path],
    output_dir: Path,
    words: Mapping[str, Sequence[Word]] | None = None,
) -> FilmSpec:
    """The spec of a project's film. `files` holds what was fetched: `image:<shot id>`, `clip:<shot id>`, `audio:<shot id>`, `music`.

    `words` has by shot id when those of its narration are heard.
    """
    width, height = film_size(request.resolution, project.aspect, settings.film.resolution)
    music = files.get("music")
    rate_control = RateControl(request.rate_control or ("cbr" if request.bitrate else "crf"))
    return FilmSpec(
        shots=tuple(_shot(shot, request, files, (words or {}).get(shot.id, ())) for shot in shots),
        output_dir=output_dir,
        cache_dir=cache_dir(settings),
        title=project.title,
        width=width,
        height=height,
        fps=request.fps or settings.film.fps,
        fit=Fit(request.fit),
        subtitles=Subtitles(request.subtitles or settings.film.subtitles),
        quality=Quality(request.mode),
        rate_control=rate_control,
        bitrate_kbps=request.bitrate if rate_control is not RateControl.CRF else None,
        encoder=Encoder(request.encoder),
        music=Music(music, level_db=request.music_level) if music is not None else None,
        intro_s=request.intro,
        outro_s=request.outro,
        first_seconds=request.first_seconds,
        strict=request.strict,
        threads=settings.film.threads,
        **limits(settings),
        font=Path(settings.film.font) if settings.film.font else None,
        style=project_options.style(project),
    )


class Limits(TypedDict):
    """The bounds of whoever composes in the shared cache: see `FilmSpec`."""

    timeout_s: float | None
    max_duration_s: float | None
    cache_bytes: int
    cache_age_s: float


def limits(settings: Settings) -> Limits:
    """The configured bounds on time, length and cache."""
    return Limits(
        timeout_s=float(settings.film.timeout_s) or None,
        max_duration_s=float(settings.film.max_duration_s),
        cache_bytes=int(settings.film.cache_gib * GIB),
        cache_age_s=settings.film.cache_days * DAY_S,
    )


def cache_dir(settings: Settings) -> Path:
    """Where segments are kept."""
    return settings.data_dir / "cache" / "film"


def _shot(shot: Shot, request: FilmRequest, files: Mapping[str, Path], words: Sequence[Word]) -> FilmShot:
    return FilmShot(
        order=shot.order,
        image=files.get(f"image:{shot.id}"),
        clip=files.get(f"clip:{shot.id}"),
        narration=files.get(f"audio:{shot.id}"),
        text=shot.spoken,
        title=shot.title,
        transition=transition_of(request.transition or shot.transition or ""),
        transition_s=request.transition_seconds,
        seed=int.from_bytes(shot.id.encode()[:8], "big"),
        motion=motion_of(request, shot),
        words=tuple(words),
    )
