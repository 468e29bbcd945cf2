"""ETags of single shots and projects, `If-Match`, and the answer to who knew an older state.

A tag is `"<state of the row>-<hash of the answer>"`. The second part is another whenever anything of the answer is, such as the links,
which are signed anew by the hour; `If-Match` looks at the first alone, so that a page that has been open for a day can still save.
"""

from __future__ import annotations

from hashlib import sha256
from http import HTTPStatus

from flask import Flask, Request, Response, jsonify, request

from common.errors import PreconditionFailed
from models.project import Project
from models.row_state import state_of
from models.shot import Shot
from routers import serializers
from routers.errors import TABLE, envelope
from service.container import Services
from service.preconditions import Known


def tagged(
    body: serializers.Json, row: serializers.AnyProject | serializers.AnyShot, status: int = HTTPStatus.OK
) -> Response:
    """The answer with the tag of the row that it is about."""
    response = jsonify(body)
    response.status_code = status
    response.headers["ETag"] = tag_of(state_of(row), response.get_data())
    return response


def tag_of(state: str, body: bytes) -> str:
    """The tag of an answer about a row in this state."""
    return f'"{state}-{sha256(body).hexdigest()[:16]}"'


def known(asked: Request) -> Known | None:
    """What `If-Match` says; None without one. Tags that a proxy has made weak (it packed the answer) are as good."""
    if "If-Match" not in asked.headers:
        return None
    return known_by(asked.headers["If-Match"])


def known_by(text: str) -> Known:
    """What a list of tags says."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in text.split(",")]
    return Known(frozenset(tag.partition("-")[0] for tag in tags if tag), anything="*" in tags)


def install(app: Flask, services: Services) -> None:
    """Answer `PreconditionFailed` with the present state."""

    def show(error: PreconditionFailed) -> Response:
        answer = TABLE[PreconditionFailed]
        link = serializers.UrlResolver.of(services, request)
        body = envelope(answer.code, str(error), path=request.path)
        return tagged({**body, **present(error, link)}, error.present, answer.status)

    app.register_error_handler(PreconditionFailed, show)


def present(error: PreconditionFailed, link: serializers.UrlResolver) -> serializers.Json:
    """The row as it is now, under its name."""
    if isinstance(error.present, Project):
        return {"project": serializers.project_detail(error.present, link)}
    return {"shot": serializers.shot(error.present, link)} if isinstance(error.present, Shot) else {}
