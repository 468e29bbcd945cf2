"""Use cases of clients that upload to the storage themselves: keys or links for that, and then what becomes of the file.

What was uploaded lies under `projects/<id>/uploads/`, where nobody reads it, until it is looked at as any other upload is, and stored once
more under a name of ours. Whatever is never completed goes a day after the links were given (`models.outbox`).
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from sqlalchemy.orm import Session

from common import caller
from common.errors import (
    Conflict,
    InvalidInput,
    KeyReused,
    NotFound,
    ObjectNotFound,
    StorageError,
    StorageUnavailable,
    TooLarge,
)
from models import database_clock, outbox, queries
from models.asset import Asset
from models.db import retrying
from models.shot import Shot
from service import music, shot_versions
from service.access import quotas
from service.assets.shot_versions import KINDS, Version
from service.container import Services
from service.fields import shorten
from service.oss import keys
from service.oss.part_sizes import part_size_for
from service.oss.promised import CheckedStream, Promised
from service.oss.store import TemporaryKeys, UploadLinks
from service.upload_requests import CompleteRequest, PresignRequest
from service.workflow import once
from service.workflow.once import Asked

PART, MOST_LINKS = 8 << 20, 1000
"""Bytes of a part, and how many there are at most: larger files have larger ones."""
KEPT_MS = 24 * 3600 * 1000
MOST_OPEN = 100  # uploads of one project that are on their way
TYPES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/webm": "weba",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
"""What may be uploaded, with the extension of its key. What a file really is, its bytes say, once it is there."""


@dataclass(frozen=True)
class Presigned:
    """Where a file is to be PUT. `part_size` is that of all parts but the last, in bytes."""

    key: str
    part_size: int
    links: UploadLinks


@dataclass(frozen=True)
class NewVersion:
    """The file has become a shot's."""

    shot: Shot
    version: Version


@dataclass(frozen=True)
class NewMusic:
    """The file has become a piece of music; `notes` tell about it (Chinese)."""

    piece: Asset
    notes: list[str]


def temporary_keys(services: Services, project_id: str) -> tuple[str, TemporaryKeys]:
    """The prefix that belongs to the project, and keys for writing under it; raises `NotFound`, `Conflict` where there are no such keys."""
    prefix = keys.uploads_prefix(project_id)
    _expect(services, project_id, prefix)
    return prefix, services.store.temporary_keys(prefix)


def presign(services: Services, wanted: PresignRequest, base: str) -> Presigned:
    """Links for one file, whose name is drawn here. Raises `NotFound`, `TooLarge`, `InvalidInput`, `QuotaExceeded`, `Conflict`."""
    content_type = _type_of(wanted)
    film = services.settings.film
    most = max(film.max_upload, film.max_music)
    if wanted.size > most:
        raise TooLarge(f"size 不能超过 {most / (1 << 20):.3g} MB", field="size")
    key = keys.upload_key(wanted.project_id, TYPES[content_type])
    _expect(services, wanted.project_id, key)
    promised = Promised(wanted.size, content_type, wanted.sha256, wanted.md5)
    part_size = part_size_for(wanted.size, PART, MOST_LINKS)
    try:
        return Presigned(key, part_size, services.store.begin_upload(key, promised, part_size, base))
    except BaseException:
        _give_up(services, key, wanted.project_id)
        raise


def complete(services: Services, wanted: CompleteRequest) -> NewVersion | NewMusic:
    """Look at what was uploaded and make it a shot's newest version, or a piece of music. Asked again, it says what it made.

    What is not what was promised, or nothing that films can be made with, is removed. Raises as uploads through the server do,
    `NotFound` where nothing was uploaded, and `Conflict` where it has become something else.
    """
    _check(services, wanted)
    try:
        return _completed(services, wanted)
    except NotFound:  # a twin that was faster has removed the file: what it made is known by now
        return _completed(services, wanted)


def _completed(services: Services, wanted: CompleteRequest) -> NewVersion | NewMusic:
    promised = Promised(wanted.size, sha256=wanted.sha256, md5=wanted.md5)
    stream = CheckedStream(lambda: _opened(services, wanted), promised)
    try:
        with stream, once.under(_asked(wanted)):
            done = _attach(services, wanted, cast(BinaryIO, stream))
    except KeyReused as error:
        raise Conflict("此上传已用于别的素材") from error
    except (InvalidInput, TooLarge) as error:
        if stream.was_read and error.field != "parts":  # the parts may yet come
            _remove(services, wanted.key)
        raise
    if stream.was_read:
        _remove(services, wanted.key)
    return done


def _attach(services: Services, wanted: CompleteRequest, stream: BinaryIO) -> NewVersion | NewMusic:
    if wanted.kind == "music":
        return NewMusic(*music.add(services, stream, wanted.title, wanted))
    kind = KINDS[wanted.kind]
    return NewVersion(*shot_versions.upload(services, wanted.project_id, wanted.shot_id, kind, stream))


def _asked(wanted: CompleteRequest) -> Asked:
    """An upload is completed once: as a request with an Idempotency-Key, which is the object's."""
    purpose = json.dumps([wanted.kind, wanted.shot_id]).encode()
    return Asked(
        caller.owner_of_new_rows() or "", "oss.complete", wanted.key, lambda: hashlib.sha256(purpose).hexdigest()
    )


def _opened(services: Services, wanted: CompleteRequest) -> BinaryIO:
    """The object's bytes, put together of its parts first. One that was put together before, by a request that then failed, is there."""
    store = services.store
    try:
        if wanted.upload_id:
            with suppress(ObjectNotFound):
                store.finish_upload(wanted.key, wanted.upload_id, wanted.parts)
        size = store.stat(wanted.key).size
    except ObjectNotFound as error:
        raise NotFound("没有这个上传，或其文件尚未传完") from error
    if size != wanted.size:
        raise InvalidInput("size", f"size 与文件不符：收到 {size} 字节")
    return store.open(wanted.key)


def _check(services: Services, wanted: CompleteRequest) -> None:
    with services.database.read() as session:
        if queries.project(session, wanted.project_id) is None:
            raise NotFound("项目不存在")
    if not wanted.key.startswith(keys.uploads_prefix(wanted.project_id)) or not keys.is_key(wanted.key):
        raise InvalidInput("key", f"key 不是此项目的上传：{shorten(wanted.key)}")
    if not (wanted.sha256 or wanted.md5):
        raise InvalidInput("sha256", "sha256 与 md5 至少需要一个")
    if (wanted.kind == "music") == bool(wanted.shot_id):
        raise InvalidInput("shot_id", "shot_id 为分镜素材所必需，且不用于 music")


def _type_of(wanted: PresignRequest) -> str:
    """The type without its parameters; of a file without one by its name."""
    given = wanted.content_type.partition(";")[0].strip().lower()
    if given in ("", "application/octet-stream"):
        given = keys.content_type(wanted.name)
    if given not in TYPES:
        raise InvalidInput("content_type", f"content_type 只能是 {'、'.join(TYPES)}，收到 {shorten(given)}")
    return given


@retrying
def _expect(services: Services, project_id: str, key: str) -> None:
    with services.database.write() as session:
        if queries.lock_project(session, project_id).project is None:
            raise NotFound("项目不存在")
        quotas.take(services, session)
        _check_room(session, project_id)
        until_ms = database_clock.milliseconds(session) + KEPT_MS
        outbox.expect(session, key, project_id, until_ms=until_ms)


def _check_room(session: Session, project_id: str) -> None:
    if outbox.count_expected(session, keys.uploads_prefix(project_id)) >= MOST_OPEN:
        raise Conflict(f"此项目未完成的上传过多：最多 {MOST_OPEN} 个，请先完成，或等待其过期")


@retrying
def _give_up(services: Services, key: str, project_id: str) -> None:
    with services.database.write() as session:
        outbox.give_up(session, [key], project_id)


def _remove(services: Services, key: str) -> None:
    """Now, where storage lets us; what its links bring afterwards goes when they have expired."""
    with suppress(StorageError, StorageUnavailable):
        services.store.remove(key)
    _use_up(services, key)


@retrying
def _use_up(services: Services, key: str) -> None:
    with services.database.write() as session:
        outbox.use_up(session, key)
