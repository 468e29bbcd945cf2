"""`Idempotency-Key`: what a POST that creates something asks for, told to `service.workflow.once`."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import BinaryIO, cast

from flask import Flask, Request, request

from common import caller
from common.errors import InvalidInput
from routers.multipart import MULTIPART
from routers.request_params import body_of
from service.workflow import once
from service.workflow.once import Asked

HEADER = "Idempotency-Key"
CHUNK = 1 << 20
# Each POST that makes something.
CREATES = {
    "v1.projects.create",
    "v1.batches.create",
    "v1.cast.add",
    "v1.cast.repaint",
    "v1.resume.again",
    "v1.shots.update",
    "v1.shot_edits.insert",
    "v1.shot_edits.duplicate",
    "v1.shot_edits.split",
    "v1.shot_edits.merge",
    "v1.shot_edits.undo",
    "v1.shot_versions.upload",
    "v1.shot_versions.narrate",
    "v1.films.film",
    "v1.films.narration",
    "v1.tasks.create",
    "v1.tasks.retry",
    "v1.music.upload",
    "v1.webhooks.add",
    "gateway.projects.create",
    "gateway.projects.compose",
    "gateway.projects.narration",
    "gateway.shots.generate_image",
    "gateway.shots.generate_video",
}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def install(app: Flask) -> None:
    """Look for the header before every route that creates; behind the gate, which says for whom."""

    @app.before_request
    def ask() -> None:
        key = request.headers.get(HEADER)
        wanted = key is not None and request.method == "POST" and request.endpoint in CREATES
        once.serve(_asked(key or "") if wanted else None)

    @app.teardown_request
    def forget(_error: BaseException | None) -> None:
        once.serve(None)


def _asked(key: str) -> Asked:
    if not _KEY.fullmatch(key):
        raise InvalidInput(HEADER, f"{HEADER} 须为 1 到 255 个可见的 ASCII 字符")
    asked_by = request._get_current_object()  # type: ignore[attr-defined]  # of werkzeug's proxy; flask types it as the request
    return Asked(caller.owner_of_new_rows() or "", request.endpoint or "", key, cache(lambda: _hash(asked_by)))


def _hash(asked: Request) -> str:
    """Of the address and the body; of a form with files, which may be long, part by part."""
    found = hashlib.sha256(f"{asked.path}\0".encode() + asked.query_string + b"\0")
    if asked.mimetype != MULTIPART:
        found.update(body_of(asked))
        return found.hexdigest()
    for name, value in sorted(asked.form.items(multi=True)):
        found.update(repr((name, value)).encode())
    for name, file in asked.files.items(multi=True):
        found.update(repr((name, file.filename)).encode())
        stream = cast(BinaryIO, file.stream)
        stream.seek(0)
        while chunk := stream.read(CHUNK):
            found.update(chunk)
        stream.seek(0)
    return found.hexdigest()
