"""What clients may ask for who upload to the storage themselves; read by `service.schemas.parse`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from service.fields import Id, Integer, Word, shorten
from service.oss.part_sizes import MOST_PARTS
from service.schemas import MusicUpload, Request

_HEX = re.compile(r"[0-9a-f]+")
_UPLOAD_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~=+-]{0,1023}")
_ETAG = re.compile(r'"?([A-Za-z0-9-]{1,128})"?')


def _hex(digits: int) -> BeforeValidator:
    def check(value: Any) -> Any:
        text = value.strip().lower() if isinstance(value, str) else value
        if text and not (isinstance(text, str) and len(text) == digits and _HEX.fullmatch(text)):
            raise ValueError(f"应为 {digits} 位十六进制数，收到 {shorten(value)}")
        return text

    return BeforeValidator(check)


def _etags(value: Any) -> Any:
    """`[{number, etag}]` as a mapping."""
    if not isinstance(value, list) or len(value) > MOST_PARTS:
        raise ValueError(f"应为至多 {MOST_PARTS} 项的列表")
    found: dict[int, str] = {}
    for part in value:
        number = part.get("number") if isinstance(part, dict) else None
        etag = _ETAG.fullmatch(str(part.get("etag"))) if isinstance(part, dict) else None
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_PARTS or etag is None:
            raise ValueError(f"每一项应为 {{number, etag}}，number 在 1 到 {MOST_PARTS} 之间")
        if number in found:
            raise ValueError(f"有重复的 number：{number}")
        found[number] = etag[1]
    return found


def _upload_id(value: Any) -> Any:
    """What stores draw; it becomes a part of an address."""
    if isinstance(value, str) and value and not _UPLOAD_ID.fullmatch(value):
        raise ValueError(f"不是有效的上传编号：{shorten(value)}")
    return value


UploadId = Annotated[str, BeforeValidator(_upload_id)]
ProjectId = Annotated[Id, Field(min_length=1)]
Size = Annotated[Integer, Field(ge=1)]
Sha256 = Annotated[str, _hex(64)]
Md5 = Annotated[str, _hex(32)]
_PART = {"type": "object", "properties": {"number": {"type": "integer"}, "etag": {"type": "string"}}}
Etags = Annotated[
    dict[int, str], BeforeValidator(_etags), WithJsonSchema({"type": "array", "items": _PART, "maxItems": MOST_PARTS})
]


class StsRequest(Request):
    """POST /api/oss/sts."""

    project_id: ProjectId


class PresignRequest(Request):
    """POST /api/oss/presign. `size` is in bytes. `name` says what the file is where `content_type` does not, and nothing else."""

    misspelt = {"filename": "name"}

    project_id: ProjectId
    name: Annotated[str, Field(max_length=255)] = ""
    size: Size
    content_type: Annotated[str, Field(max_length=128)] = ""
    sha256: Sha256 = ""
    md5: Md5 = ""


class CompleteRequest(MusicUpload):
    """POST /api/oss/complete. Without `parts` an upload in parts has all that arrived; title and tags are for music."""

    project_id: ProjectId
    key: Annotated[str, Field(min_length=1, max_length=255)]
    upload_id: UploadId = ""
    parts: Etags = {}
    size: Size
    sha256: Sha256 = ""
    md5: Md5 = ""
    kind: Annotated[Literal["images", "narrations", "clips", "music"], Word]
    shot_id: Id = ""
