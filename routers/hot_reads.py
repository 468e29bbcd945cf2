"""WSGI middleware before Flask for the reads that clients repeat most: a task, a project, its shots, its storyboard.

Who asks is looked at by the gate as for every route, before anything else. An answer that was given before, to a caller who may see the
same rows, and that still holds, is given again. What a client changed is seen by every read that begins after: `models.row_versions`. Only
while news of other hosts is sure to arrive is anything taken from here.

Others are made here too, by what the routes make them with, once Flask has given one like it: its headers are the same. Errors are Flask's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from flask import Flask, Response

from common.caller import calling
from common.errors import StoryToVideoError
from common.request_id import goes_to, request_id
from common.shared_cache import SharedCache
from models.row_versions import now
from routers import entity_tags, etags, shown
from routers.access.gate import LOOKED, Gate
from routers.answer_cache import Answer, AnswerCache
from routers.at_once import AT_ONCE, NotAtOnce
from routers.etags import BODY_HEADERS, is_known, split_at_id
from routers.gateway import shown as gateway_shown
from routers.serializers import UrlResolver
from routers.shown import FAILED, SHOWN, Show, Shown
from service.access.principals import Principal
from service.container import Services

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LARGEST = 1 << 18  # bytes of an answer that is kept
LONGEST_HEAD = (
    8 << 10
)  # bytes of one that is looked at in the main loop: of the cookies that fit it makes a few milliseconds
MOST_HEADERS = 1000
_ID = r"(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,63})"
_PATH = re.compile(
    rf"/(?P<kind>v1/api/tasks|v1/api/projects|api/tasks|api/projects)/{_ID}(?P<what>|/shots|/status|/storyboard)"
)
_MAY_BE_AT_ONCE = re.compile(
    rb"GET (?:/k/[^/ ?]+)?/(?:v1/)?api/(?:tasks|projects)/[A-Za-z0-9_-]+(?:/shots|/status|/storyboard)? HTTP/1\.1\r\n"
)
ROUTES: Mapping[tuple[str, str], tuple[str, Show]] = {
    ("v1/api/tasks", ""): ("v1.tasks.read", shown.task),
    ("v1/api/projects", ""): ("v1.projects.read", shown.project),
    ("v1/api/projects", "/shots"): ("v1.shots.of_project", shown.shots_of_project),
    ("api/tasks", "/status"): ("gateway.tasks.status", gateway_shown.task),
    ("api/projects", "/storyboard"): ("gateway.projects.storyboard", gateway_shown.storyboard),
}
"""Endpoints, and what makes their answers, by what stands before and behind the id."""
_OF_THE_ANSWER = frozenset({"x-request-id", "content-length", "etag"})

Headers = list[tuple[str, str]]


class _Hot(NamedTuple):
    """A read that may be taken from here. `asked_as` is what an answer depends on beside its rows: scheme and host, which links are made
    of, and the origin of the page that asks.
    """

    endpoint: str
    show: Show
    route: tuple[str, str]
    id: str
    asked_as: tuple[str, str, str]


class HotReads:
    """The gate, then the cache, then the answer, or Flask's `application`."""

    def __init__(
        self, app: Flask, application: WSGIApplication, services: Services, gate: Gate, shared: SharedCache
    ) -> None:
        self._app, self._application, self._services, self._gate = app, application, services, gate
        self._rules = _rules(app)
        versions, size = services.database.versions, services.settings.server.answer_cache
        self._cache = AnswerCache(versions, shared) if versions is not None and size else None
        self._headers: dict[tuple[str, ...], Headers] = {}

    def may_be_at_once(self, head: bytes | bytearray) -> bool:
        """Whether a request that begins so is worth asking for at once."""
        return self._cache is not None and len(head) <= LONGEST_HEAD and _MAY_BE_AT_ONCE.match(head) is not None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hot = self._hot(environ) if self._cache is not None else None
        if AT_ONCE in environ:
            return self._at_once(hot, environ, start_response)
        if hot is None or self._cache is None:
            return self._application(environ, start_response)
        try:
            principal = self._gate.look(environ, hot.endpoint, "GET")
        except StoryToVideoError as error:
            environ[LOOKED] = error
            return self._application(environ, start_response)
        environ[LOOKED] = principal if principal is not None else True
        goes_to(*hot.route)
        headers = self._headers.get((hot.endpoint, *hot.asked_as))
        if headers is None:
            return self._ask(hot, environ, start_response)
        key = _key(environ, principal, hot)
        answer = self._cache.get(key)
        if answer is None:
            try:
                answer = self._make(self._cache, key, hot, principal)
            except Exception as error:  # noqa: BLE001 - whatever it is, Flask knows how to answer it
                environ[FAILED] = error
                return self._application(environ, start_response)
        return _given(answer, headers, environ, start_response)

    def _at_once(self, hot: _Hot | None, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """What was given before, to a caller who is known and may ask once more; raises `NotAtOnce`.

        The order does not show: whether there is an answer is looked at before the request is counted, since it is to be counted once.
        """
        if hot is None or self._cache is None:
            raise NotAtOnce
        principal = self._gate.look_at_once(environ, hot.endpoint)
        headers = self._headers.get((hot.endpoint, *hot.asked_as))
        answer = self._cache.get(_key(environ, principal, hot))
        if headers is None or answer is None:
            raise NotAtOnce
        self._gate.count_at_once(environ, principal, hot.endpoint)
        goes_to(*hot.route)
        return _given(answer, headers, environ, start_response)

    def _hot(self, environ: WSGIEnvironment) -> _Hot | None:
        """What is asked for, where it is one of these reads and may be taken from here."""
        if environ["REQUEST_METHOD"] != "GET" or environ.get("QUERY_STRING") or not environ.get("HTTP_HOST"):
            return None
        if "HTTP_UPGRADE" in environ:  # Flask knows that it is no WebSocket
            return None
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        route = ROUTES.get((found["kind"], found["what"])) if found else None
        if found is None or route is None or not self._services.changes.reliable():
            return None
        asked_as = environ["wsgi.url_scheme"], environ["HTTP_HOST"], environ.get("HTTP_ORIGIN", "")
        rule = self._rules[route[0]]
        return _Hot(*route, (rule, found["id"] if "task" in rule else ""), found["id"], asked_as)

    def _make(self, cache: AnswerCache, key: bytes, hot: _Hot, principal: Principal | None) -> Answer:
        began = now()
        shown_now = self._show(hot, principal)
        answer = _made(shown_now, self._app)
        if len(answer.body) <= LARGEST:
            cache.keep(key, answer, shown_now.slot, began)
        return answer

    def _show(self, hot: _Hot, principal: Principal | None) -> Shown:
        link = UrlResolver.at(self._services, *hot.asked_as[:2])
        if principal is None:
            return hot.show(self._services, hot.id, link)
        with calling(principal.caller):
            return hot.show(self._services, hot.id, link)

    def _ask(self, hot: _Hot, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Let Flask answer, and note the headers of a good answer."""
        key = (hot.endpoint, *hot.asked_as)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            if status.startswith("200") and SHOWN in environ:
                common = [(name, value) for name, value in headers if name.lower() not in _OF_THE_ANSWER]
                self._headers[key] = common
                if len(self._headers) > MOST_HEADERS:
                    self._headers.pop(next(iter(self._headers.copy())), None)
            return start_response(status, headers, exc_info)

        return self._application(environ, start)


def _rules(app: Flask) -> dict[str, str]:
    """The templates of the routes that are answered here, by their endpoints."""
    wanted = {endpoint for endpoint, _ in ROUTES.values()}
    return {rule.endpoint: rule.rule for rule in app.url_map.iter_rules() if rule.endpoint in wanted}


def _key(environ: WSGIEnvironment, principal: Principal | None, hot: _Hot) -> bytes:
    return "\n".join((environ["PATH_INFO"], _sees(principal), *hot.asked_as)).encode("latin-1")


def _sees(principal: Principal | None) -> str:
    """Whose rows the caller sees; "*" for all."""
    return "*" if principal is None or principal.caller.sees_all else f"account {principal.account_id}"


def _made(made: Shown, app: Flask) -> Answer:
    body = cast(Response, app.json.response(made.body)).get_data()
    before, id_, after = split_at_id(body, request_id())
    etag = entity_tags.tag_of(made.state, body) if made.state else etags.tag_of(before, after)
    return Answer(etag, before + after, len(before) if id_ else -1)


def _given(answer: Answer, common: Headers, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    headers = [*common, ("ETag", answer.etag)]
    if is_known(environ.get("HTTP_IF_NONE_MATCH", ""), answer.etag):
        start_response("304 NOT MODIFIED", [pair for pair in headers if pair[0] not in BODY_HEADERS])
        return []
    body = answer.body
    if answer.at >= 0:
        body = b"".join((body[: answer.at], f'"request_id":"{request_id()}"'.encode(), body[answer.at :]))
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]
