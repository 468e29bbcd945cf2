"""Every error has its answer, and none gives internals away."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from flask import Flask, abort
from werkzeug.test import TestResponse

from common import errors
from routers import errors as answers
from service.film.errors import FilmError


def tree(root: type[errors.StoryToVideoError]) -> Iterator[type[errors.StoryToVideoError]]:
    """All types that may come out of a route: those of the tree's own module but what stops a start, and the film's."""
    if (root.__module__ == errors.__name__ and root is not errors.StartError) or root is FilmError:
        yield root
    for child in root.__subclasses__():
        yield from tree(child)


ALL = sorted(set(tree(errors.StoryToVideoError)), key=lambda type_: type_.__name__)


def made(type_: type[errors.StoryToVideoError]) -> errors.StoryToVideoError:
    if type_ is errors.InvalidInput:
        return errors.InvalidInput("Title", "text-of-the-error")
    if type_ is FilmError:
        return FilmError("join", "text-of-the-error")
    return type_("text-of-the-error")


def answered(error: BaseException | int) -> TestResponse:
    app = Flask(__name__)
    answers.install(app)

    @app.get("/")
    def fail() -> str:
        if isinstance(error, int):
            abort(error)
        raise error

    return app.test_client().get("/")


@pytest.mark.parametrize("type_", ALL, ids=lambda type_: type_.__name__)
def test_every_error_type_has_a_row_of_its_own(type_: type[errors.StoryToVideoError]) -> None:
    assert type_ in answers.TABLE


def test_the_table_names_nothing_else() -> None:
    assert set(answers.TABLE) == set(ALL)


@pytest.mark.parametrize("type_", ALL, ids=lambda type_: type_.__name__)
def test_every_error_is_answered_in_the_same_shape(type_: type[errors.StoryToVideoError]) -> None:
    answer = answered(made(type_))
    row = answers.TABLE[type_]
    assert answer.status_code == row.status
    assert answer.mimetype == "application/json"
    body = answer.get_json()
    assert body["error"] == body["message"] != ""
    assert body["code"] == row.code
    assert body["request_id"] == ""


@pytest.mark.parametrize("type_", ALL, ids=lambda type_: type_.__name__)
def test_only_what_the_client_can_mend_shows_the_errors_own_text(type_: type[errors.StoryToVideoError]) -> None:
    shown = "text-of-the-error" in answered(made(type_)).text
    assert shown == (issubclass(type_, errors.ClientError))


@pytest.mark.parametrize("type_", ALL, ids=lambda type_: type_.__name__)
def test_what_the_client_is_not_told_is_logged(
    type_: type[errors.StoryToVideoError], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status = answered(made(type_)).status_code
    assert ("text-of-the-error" in caplog.text) == (status >= 500)


def test_no_answer_says_where_files_lie() -> None:
    answer = answered(errors.Conflict("/srv/s2v/data/assets/a.png 无法读取，见 GET /v1/api/music"))
    assert answer.get_json()["error"] == answer.get_json()["message"] == "a.png 无法读取，见 GET /v1/api/music"


def test_an_invalid_parameter_is_named() -> None:
    assert answered(errors.InvalidInput("Title", "x")).get_json()["field"] == "Title"


def test_a_missing_dependency_says_when_to_come_back() -> None:
    assert int(answered(errors.DatabaseUnavailable("mysql at 10.0.0.7")).headers["Retry-After"]) > 0


def test_an_unexpected_error_is_logged_with_its_traceback_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    answer = answered(RuntimeError("secret detail"))
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" in caplog.text
    assert "secret detail" in caplog.text


def test_a_new_error_without_a_row_is_an_unexpected_one() -> None:
    class NotInTheTable(errors.ClientError):
        """Made for this test."""

    answer = answered(NotInTheTable("secret detail"))
    assert answer.status_code == 500
    assert "secret detail" not in answer.text


@pytest.mark.parametrize("status", [400, 404, 405, 413, 414, 415, 416, 418, 429])
def test_the_frameworks_own_errors_have_the_same_shape(status: int) -> None:
    answer = answered(status)
    assert answer.status_code == status
    assert answer.get_json()["code"] == status
    assert answer.get_json()["error"]


def test_a_method_that_is_not_allowed_names_those_that_are() -> None:
    app = Flask(__name__)
    answers.install(app)
    app.add_url_rule("/", "read", lambda: "", methods=["GET"])
    answer = app.test_client().post("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert json.loads(answer.text)["code"] == 405
