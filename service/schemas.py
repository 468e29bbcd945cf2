"""What a client may ask for, validated; `service.fields` has the values one by one.

Field names are the parameters' snake_case spelling; `parse` accepts any spelling of them. Limits that depend on settings are checked by
`parse` as well; every violation becomes an `InvalidInput` that names the field as the client spelt it, and the limit.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from common.errors import InvalidInput
from config.settings import Settings
from service.field_errors import translate
from service.fields import (
    MAX_CAST_NAME,
    MAX_CFG_SCALE,
    MAX_CLIP_S,
    MAX_LOOK,
    MAX_MODEL,
    MAX_NARRATION,
    MAX_SEED,
    MAX_STEPS,
    MIN_CLIP_S,
    Aspect,
    Colour,
    Decimal,
    Erasable,
    Id,
    Integer,
    Language,
    MusicId,
    Name,
    OptionalCount,
    OptionalInteger,
    Prompt,
    Resolution,
    Telling,
    TransitionName,
    Whole,
    Width,
    Word,
    shorten,
)


class Request(BaseModel):
    """Unknown parameters are ignored: clients in the field send misspelt ones.

    `misspelt` maps what a client in the field really sends to the field that it means. A parameter that is empty was not given, but for
    the fields in `clearable`, which "" empties, and null too where `null_clears`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, defer_build=True)
    misspelt: ClassVar[Mapping[str, str]] = {}
    clearable: ClassVar[frozenset[str]] = frozenset()
    null_clears: ClassVar[bool] = False


class ModelWishes(Request):
    """How a shot's image or clip is to be made, where its model can: `cfg_scale` is how closely it keeps to the prompt."""

    seed: Annotated[Annotated[int, Field(ge=0, le=MAX_SEED)] | None, Whole] = None
    steps: Annotated[Annotated[int, Field(ge=1, le=MAX_STEPS)] | None, OptionalCount] = None
    cfg_scale: Annotated[Decimal, Field(ge=0, le=MAX_CFG_SCALE)] | None = None
    negative_prompt: Prompt = ""
    model: Annotated[str, Field(max_length=MAX_MODEL)] = ""

    def wishes(self) -> dict[str, Any]:
        """Those that are given, as a task's `parameters.shot` has them."""
        given = {name: getattr(self, name) for name in ModelWishes.model_fields}
        return {name: value for name, value in given.items() if value not in (None, "")}


class ShotChanges(ModelWishes):
    """POST .../shots/:id; None means "not given". An empty narration leaves the shot silent, an empty motion is the film's."""

    clearable = frozenset({"narration", "motion"})

    title: str | None = None
    prompt: Prompt | None = None
    transition: Name | None = None
    style: Name | None = None
    narration: str | None = None
    motion: Annotated[Literal["auto", "none", ""] | None, Word] = None


class FilmOptions(Request):
    """How a film is made. None or "" means the configured default.

    `resolution` is `WxH` once validated. `bitrate` is in kbit/s; `rate_control` cbr and 2pass need it, and where no `rate_control` is given
    it means cbr. Times are seconds, `music_level` is decibels below the narration.
    """

    misspelt = {"size": "resolution", "quality": "mode"}

    resolution: Resolution = ""
    fps: Annotated[Annotated[int, Field(ge=1, le=60)] | None, OptionalCount] = None
    format: Annotated[Literal["mp4"], Word] = "mp4"
    rate_control: Annotated[Literal["crf", "cbr", "2pass", ""], Word] = ""
    bitrate: Annotated[
        Annotated[int, Field(ge=100, le=100_000)] | None, OptionalCount, Field(validate_default=True)
    ] = None
    mode: Annotated[Literal["preview", "final", "high"], Word] = "final"
    first_seconds: Annotated[Decimal, Field(ge=0.5, le=3600)] | None = None
    subtitles: Annotated[Literal["burned", "soft", "both", "off", ""], Word] = ""
    narration: Annotated[Literal["auto", "none"], Word] = "auto"
    # An id from GET /v1/api/music, "auto", "none", or "" for the project's.
    music: MusicId = ""
    music_level: Annotated[Decimal, Field(ge=-40, le=0)] = -14.0
    transition: TransitionName = ""
    transition_seconds: Annotated[Decimal, Field(ge=0, le=10)] = 0.5
    fit: Annotated[Literal["crop", "blur"], Word] = "crop"
    motion: Annotated[Literal["auto", "none"], Word] = "auto"
    intro: Annotated[Decimal, Field(ge=0, le=30)] = 0.0
    outro: Annotated[Decimal, Field(ge=0, le=30)] = 0.5
    encoder: Annotated[Literal["x264", "nvenc", "qsv", "vaapi", "videotoolbox"], Word] = "x264"
    export: Annotated[Literal["cloud", "local"], Word] = "cloud"
    strict: bool = False

    @field_validator("bitrate")
    @classmethod
    def _needed_by_rate_control(cls, bitrate: int | None, info: ValidationInfo) -> int | None:
        if bitrate is None and info.data.get("rate_control") in ("cbr", "2pass"):
            raise ValueError(f"不能为空：rate_control 为 {info.data['rate_control']} 时需要它（100 到 100000 kbit/s）")
        return bitrate


class FilmRequest(FilmOptions, ModelWishes):
    """POST .../video: the whole film, or one shot's clip where `shot_id` is given, whose model the wishes are for.

    `duration`, in seconds, is a clip's.
    """

    shot_id: Id = ""
    duration: Annotated[Decimal, Field(ge=MIN_CLIP_S, le=MAX_CLIP_S)] | None = None


class SubtitleStyle(Request):
    """How a project's subtitles look; what is None or "" is as it is by default. `size` and `outline` are factors."""

    misspelt = {"color": "colour"}
    clearable = frozenset({"size", "colour", "outline", "position", "karaoke"})
    null_clears = True

    size: Annotated[Annotated[Decimal, Field(ge=0.5, le=2)] | None, Erasable] = None
    colour: Annotated[Colour | None, Erasable] = None
    outline: Annotated[Annotated[Decimal, Field(ge=0, le=3)] | None, Erasable] = None
    position: Annotated[Literal["bottom", "middle", "top"] | None, Word, Erasable] = None
    karaoke: Annotated[bool | None, Erasable] = None


class ChosenOptions(Request):
    """What a project's later tasks and films follow, beside its aspect and telling; None and "": nothing is chosen."""

    language: Annotated[Language | None, Erasable] = None
    voice: Annotated[Name | None, Erasable] = None
    seed: Annotated[Annotated[int, Field(ge=0, le=MAX_SEED)] | None, Whole, Erasable] = None
    # An id from GET /v1/api/music, or "auto".
    music: Annotated[MusicId | None, Erasable] = None
    subtitle_style: Annotated[SubtitleStyle | None, Erasable] = None


class OptionChanges(ChosenOptions):
    """PATCH /v1/api/projects/:id; what is not given keeps its value, "" and null clear it. Nothing is made anew."""

    clearable = frozenset({"title", "aspect", "telling", "language", "voice", "seed", "music", "subtitle_style"})
    null_clears = True

    title: Annotated[str | None, Erasable] = None
    aspect: Annotated[Aspect | None, Word, Erasable] = None
    telling: Annotated[Telling | None, Word, Erasable] = None


class ProjectOptions(ChosenOptions):
    """What a new project may have beside its story. `shot_count` None means the configured default; with `film` its film is made, too."""

    title: str = ""
    style: Name = ""
    description: str = ""
    shot_count: OptionalInteger = None
    aspect: Annotated[Literal[Aspect, ""], Word] = ""
    telling: Annotated[Literal[Telling, ""], Word] = ""
    film: FilmOptions | None = None


class NewProject(ProjectOptions):
    """POST /v1/api/projects."""

    misspelt = {"desription": "description"}

    story_text: str = Field(title="StoryText")


class ProjectChanges(Request):
    """PUT /v1/api/projects/:id; None means "not given": the field keeps its value."""

    misspelt = {"desription": "description"}
    clearable = frozenset({"description", "story_text"})  # an empty story is then refused, not ignored

    title: str | None = None
    description: str | None = None
    story_text: str | None = None
    style: Name | None = None
    shot_count: OptionalInteger = None
    aspect: Annotated[Aspect | None, Word] = None
    telling: Annotated[Telling | None, Word] = None


class NewCastMember(Request):
    """POST .../cast."""

    name: Annotated[str, Field(max_length=MAX_CAST_NAME)]
    look: Annotated[str, Field(max_length=MAX_LOOK)] = ""
    voice: Name = ""


class CastChanges(Request):
    """PATCH .../cast/:cast_id; None means "not given", and of look and voice "" and null clear it."""

    clearable = frozenset({"look", "voice"})
    null_clears = True

    name: Annotated[str, Field(max_length=MAX_CAST_NAME)] | None = None
    look: Annotated[str, Field(max_length=MAX_LOOK)] | None = None
    voice: Name | None = None


class ResumeRequest(Request):
    """POST .../resume; `film` is for the film that it goes on to, which is made like the one before it where none is given."""

    film: FilmOptions | None = None


class NarrationRequest(Request):
    """POST .../tts. `sample_rate` is in Hz, 0 and "" mean the model node's default; `speed` is a factor."""

    voice: Name = ""
    lang: Name = ""
    sample_rate: Annotated[Integer, Field(ge=0, le=192_000)] = 0
    format: Annotated[Literal["", "mp3", "wav"], Word] = ""
    speed: Annotated[Decimal, Field(ge=0.5, le=2)] | None = None


class VoiceRequest(Request):
    """GET /v1/api/voices/sample."""

    provider: Name = ""
    voice: Name = ""


class PictureRequest(Request):
    """GET .../thumbnail and GET .../cover: the width in pixels, of a few so that each is made once."""

    width: Width = 320


class StillRequest(PictureRequest):
    """GET .../films/:number/still. `at` is in seconds from the film's beginning."""

    at: Annotated[Decimal, Field(ge=0, le=86_400)] = 0.0


class MusicUpload(Request):
    """POST /v1/api/music, beside the file. `tags` are words parted by commas or blanks."""

    title: str = ""
    tags: Annotated[str, Field(max_length=200)] = ""

    def words(self) -> list[str]:
        """The tags one by one, each once."""
        return list(dict.fromkeys(re.findall(r"[^\s,;，；、]+", self.tags)))


class LoginRequest(Request):
    """POST /v1/api/auth/login. `cookie`: a browser's page, which gets cookies."""

    username: Annotated[str, Field(max_length=255)]
    password: Annotated[str, Field(max_length=1024)]
    cookie: bool = False


class RefreshRequest(Request):
    """POST /v1/api/auth/refresh; without a token it is the cookie's."""

    refresh_token: Annotated[str, Field(max_length=4096)] = ""


class PageRequest(Request):
    """GET lists."""

    page: Annotated[Integer, Field(ge=1, le=1_000_000)] = 1
    page_size: Annotated[Integer, Field(ge=1, le=100)] = 20
    q: Annotated[str, Field(max_length=200)] = ""


class TaskPageRequest(Request):
    """A project's tasks: all of them without `page`."""

    page: Annotated[OptionalInteger, Field(ge=1, le=1_000_000)] = None
    page_size: Annotated[Integer, Field(ge=1, le=200)] = 200


R = TypeVar("R", bound=Request)


def fold(name: str) -> str:
    """The same for every spelling of a parameter: `StoryText`, `storyText`, `story_text` and `story-text`."""
    return name.replace("_", "").replace("-", "").lower()


def parse(model: type[R], params: Mapping[str, Any], settings: Settings) -> R:
    """Read a request out of parameters in any spelling; raises `InvalidInput`."""
    fields = {fold(name): name for name in model.model_fields} | dict(model.misspelt)
    given: dict[str, Any] = {}
    spelt = {name: field.title or name for name, field in model.model_fields.items()}
    for name, value in params.items():
        field = fields.get(fold(name))
        if field is None or (field in given and given[field] not in (None, "")):
            continue
        _check_text(name, value)
        spelt[field] = name
        part = _part_of(model, field)
        given[field] = value if part is None or value in (None, "") else _parse_part(part, name, value, settings)
    absent = {name for name, value in given.items() if _is_absent(model, name, value)}
    try:
        request = model.model_validate({name: value for name, value in given.items() if name not in absent})
    except ValidationError as error:
        raise translate(error, spelt) from error
    _check_limits(request, spelt, settings)
    return request


def _part_of(model: type[Request], field: str) -> type[Request] | None:
    """The schema of a field that is an object with parameters of its own."""
    kinds = get_args(model.model_fields[field].annotation)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Request)), None)


def _parse_part(model: type[R], name: str, value: Any, settings: Settings) -> R:
    """A JSON object, or one as text, as query strings and forms have it."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, Mapping):
        raise InvalidInput(name, f"{name} 必须是 JSON 对象")
    try:
        return parse(model, value, settings)
    except InvalidInput as error:
        raise InvalidInput(f"{name}.{error.field}", f"{name}.{error}") from error


def _is_absent(model: type[Request], name: str, value: Any) -> bool:
    if value is None:
        return not (model.null_clears and name in model.clearable)
    return isinstance(value, str) and not value.strip() and name not in model.clearable


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        return
    if "\x00" in value:
        raise InvalidInput(name, f"{name} 含有 NUL 字符")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidInput(name, f"{name} 不是有效的 UTF-8 文本")


def longest(settings: Settings) -> dict[str, int]:
    """How many characters the fields may have whose limits the settings know."""
    limits = settings.story
    return {
        "title": limits.max_title,
        "story_text": limits.max_chars,
        "story": min(limits.api_max_chars, limits.max_chars),
        "description": limits.max_chars,
        "narration": min(limits.max_chars, MAX_NARRATION),
    }


def _check_limits(request: Request, spelt: Mapping[str, str], settings: Settings) -> None:
    limits = settings.story
    for field, most in longest(settings).items():
        value = getattr(request, field, None)
        if isinstance(value, str) and len(value) > most:
            raise InvalidInput(spelt[field], f"{spelt[field]} 最多 {most} 个字符，收到 {len(value)} 个")
    for field in ("story_text", "story"):
        story = getattr(request, field, None)
        if story is not None and not any(character.isprintable() and not character.isspace() for character in story):
            raise InvalidInput(spelt[field], f"{spelt[field]} 不能为空")
    count = getattr(request, "shot_count", None)
    if count is not None and not 1 <= count <= limits.max_shots:
        raise InvalidInput(
            spelt["shot_count"], f"{spelt['shot_count']} 必须在 1 到 {limits.max_shots} 之间，收到 {shorten(count)}"
        )
