"""Values that a client may give, one by one: their limits, how they are read, and the types of fields that hold them.

What a reader refuses it says as a `ValueError` with a text for the client; `service.schemas` has the requests made of these fields.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from service.film.spec import Transition

MAX_PROMPT = 4000  # characters
MAX_NARRATION = 20_000  # characters; a model node speaks no longer text
MAX_NAME = 64  # characters; the width of the columns style and transition
MAX_CAST_NAME, MAX_LOOK = 100, 1000  # characters of whoever appears in a story
MAX_ID = 64  # characters; the width of every id's column
MIN_SIDE, MAX_SIDE = 64, 4096  # pixels
MAX_SEED = 2**53 - 1  # the largest whole number that every reader of JSON keeps
MAX_STEPS = 200
MAX_CFG_SCALE = 50
MAX_MODEL = 200  # characters
MIN_CLIP_S, MAX_CLIP_S = 0.5, 60  # a model node makes no longer clip

SHOWN = 40  # characters of the client's own value in a message

_ASPECTS = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720), "4:3": (960, 720), "3:4": (720, 960)}
_HEIGHTS = {"360p": 640, "480p": 854, "540p": 960, "720p": 1280, "1080p": 1920, "1440p": 2560, "2160p": 3840}
_SIZE = re.compile(r"([0-9]{1,5})\s*[xX×*]\s*([0-9]{1,5})")
_NUMBER = re.compile(r"-?[0-9]*\.?[0-9]{1,100}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z]{2,8})*")
_COLOUR = re.compile(r"#[0-9A-F]{6}")
_ID = re.compile(r"[^\x00-\x20\x7f/\\\ud800-\udfff]{1,64}")


def is_id(text: str) -> bool:
    """Whether a text can be an id at all: 1 to 64 characters, no blank, slash, control character or half a UTF-16 pair, not `.` or `..`."""
    return _ID.fullmatch(text) is not None and text not in {".", ".."}


def frame_size(resolution: str) -> tuple[int, int]:
    """Width and height in pixels of `WxH` (both even, 64 to 4096), a line count ("1080p") or an aspect ("9:16").

    Raises ValueError with a text for the client.
    """
    text = resolution.strip().lower()
    if text in _ASPECTS:
        return _ASPECTS[text]
    if text in _HEIGHTS:
        return _HEIGHTS[text], int(text[:-1])
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"应为 宽x高（如 1280x720）、720p/1080p 或 16:9、9:16、1:1，收到 {shorten(resolution)}")
    width, height = int(match[1]), int(match[2])
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE):
        raise ValueError(f"宽和高必须在 {MIN_SIDE} 到 {MAX_SIDE} 之间，收到 {width}x{height}")
    if width % 2 or height % 2:
        raise ValueError(f"宽和高必须是偶数，收到 {width}x{height}")
    return width, height


def _resolution(value: Any) -> Any:
    if not isinstance(value, str) or not value.strip():
        return value
    width, height = frame_size(value)
    return f"{width}x{height}"


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """Clients send numbers as text: digits, and nothing else that Python would take for some. JSON's true is no number."""
    if isinstance(value, bool):
        raise ValueError("必须是数字")
    return _digits(value, "数字")


def _integer(value: Any) -> Any:
    return _digits(_number(value) if isinstance(value, bool) else value, "整数")


def _digits(value: Any, kind: str) -> Any:
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise ValueError(f"必须是{kind}，收到 {shorten(value)}")
    return value


def _none_if_zero(value: Any) -> Any:
    """Tasks on the wire show 0 where nothing was given, and clients send it back."""
    value = _integer(value)
    return None if value in (0, "0") else value


def _id(value: Any) -> Any:
    if isinstance(value, str) and value and not is_id(value):
        raise ValueError(f"不是有效的编号：{shorten(value)}")
    return value


def _transition(value: Any) -> Any:
    allowed = [transition.value for transition in Transition]
    word = _lower(value)
    if isinstance(word, str) and word not in ("", *allowed):
        raise ValueError(f"只能是 {'、'.join(allowed)}，收到 {shorten(value)}")
    return word


def _music(value: Any) -> Any:
    """An id is as it is; "auto" may be written large."""
    return "auto" if _lower(value) == "auto" else value


def _language(value: Any) -> Any:
    """What model nodes take: letters and hyphens."""
    if isinstance(value, str) and value and not _LANGUAGE.fullmatch(value.strip()):
        raise ValueError(f"应为语言代码，如 zh、en-US，收到 {shorten(value)}")
    return value.strip() if isinstance(value, str) else value


def _colour(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    colour = value.strip().upper()
    if not _COLOUR.fullmatch(colour):
        raise ValueError(f"应为 #RRGGBB，收到 {shorten(value)}")
    return colour


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value


def _width(value: Any) -> Any:
    """A number as text is none of the words of a `Literal`."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,4}", value) else value


def shorten(value: Any) -> str:
    """A client's own value, fit for a message."""
    text = str(value) if isinstance(value, (str, int, float)) else type(value).__name__
    text = "".join(character if character.isprintable() else "·" for character in text[: SHOWN + 1])
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


Whole = BeforeValidator(_integer)
Integer = Annotated[int, Whole]
OptionalInteger = Annotated[int | None, Whole]
Decimal = Annotated[float, BeforeValidator(_number)]
Word = BeforeValidator(_lower)
Erasable = BeforeValidator(_none_if_empty)
Language = Annotated[Annotated[str, Field(max_length=16)], BeforeValidator(_language)]
Colour = Annotated[str, BeforeValidator(_colour)]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]
Aspect = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]
Telling = Literal["verbatim", "told"]
OptionalCount = BeforeValidator(_none_if_zero)
Id = Annotated[str, BeforeValidator(_id)]
Resolution = Annotated[str, BeforeValidator(_resolution)]
TransitionName = Annotated[str, BeforeValidator(_transition)]
MusicId = Annotated[Annotated[str, Field(max_length=255)], BeforeValidator(_music)]
Width = Annotated[Literal[160, 320, 640, 960], BeforeValidator(_width)]
"""Of thumbnails, in pixels."""
