"""GET /tasks/:task_id/wss and GET /v1/api/projects/:project_id/feed: the WebSockets of a task and of a project."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from flask import Blueprint, Flask, Response, g, jsonify, request
from flask_sock import Sock
from wsproto.events import RejectConnection
from wsproto.utilities import RemoteProtocolError

from common.shared_counts import SharedCounts
from routers import serializers
from routers.errors import RETRY_AFTER_S, envelope
from routers.websocket.connections import INTERNAL_ERROR, ClientSocket, Sockets
from routers.websocket.follow import SocketClosed, follow
from routers.websocket.follow_project import follow_project, rendering
from routers.websocket.project_feed import ProjectFeed
from routers.websocket.task_feed import TaskFeed
from service.container import Services

log = logging.getLogger(__name__)

PING_S = 25
MAX_MESSAGE = 65_536  # bytes of what a client says, which is dropped
MAX_DIGITS = 16  # of a message's number


class _Whatever:
    """Every subprotocol: a browser hangs up when none of those that its page offers is answered, and messages are the same in all."""

    def __contains__(self, _name: object) -> bool:
        return True


SERVER_OPTIONS = {
    "subprotocols": _Whatever(),
    "ping_interval": PING_S,
    "max_message_size": MAX_MESSAGE,
    "thread_class": partial(
        threading.Thread, daemon=True
    ),  # a reader that still waits must not hold up the process's end
}


def _refusal(status: HTTPStatus, text: str, headers: Mapping[str, str]) -> Response:
    response = jsonify(envelope(status, text))
    response.status_code = status
    response.headers.update(headers)
    return response


def install(app: Flask, services: Services, counts: SharedCounts) -> None:
    """Add the routes, and `app.extensions["sockets"]`, whose `close_all` the web server calls before it ends."""
    sockets = app.extensions["sockets"] = Sockets(services.settings.server.max_sockets, counts)
    feed, project_feed = TaskFeed(services), ProjectFeed(services)
    blueprint = Blueprint("sockets", __name__)
    sock = Sock()
    app.config["SOCK_SERVER_OPTIONS"] = SERVER_OPTIONS

    @blueprint.before_request
    def _reserve() -> Response | None:
        # Compression would cost some 300 KB of memory for each socket.
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        if sockets.reserve():
            g.has_socket = True
            return None
        text = f"实时连接数已达上限（{sockets.limit}），请稍后重试或改用 HTTP 轮询"
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, {"Retry-After": str(RETRY_AFTER_S)})

    @blueprint.errorhandler(RemoteProtocolError)
    def _bad_handshake(error: RemoteProtocolError) -> Response:
        """By RFC 6455, 4.2: 426 with the version that we speak for another one, 400 for whatever else is wrong."""
        hint = cast("RejectConnection", error.event_hint)
        headers = {name.decode(): value.decode() for name, value in hint.headers}
        return _refusal(HTTPStatus(hint.status_code), f"WebSocket 握手无效：{error}", headers)

    @blueprint.teardown_request
    def _release(_error: BaseException | None) -> None:
        if g.pop("has_socket", False):
            sockets.release()

    @sock.route("/tasks/<task_id>/wss", bp=blueprint)  # type: ignore[untyped-decorator]  # flask-sock carries no types
    def watch(connection: Any, task_id: str) -> None:
        link = serializers.UrlResolver.of(services, request)
        _serve(
            sockets,
            connection,
            lambda client: follow(client, feed, services.clock, task_id, lambda row: serializers.task(row, link)),
        )

    @sock.route("/v1/api/projects/<project_id>/feed", bp=blueprint)  # type: ignore[untyped-decorator]  # the same
    def watch_project(connection: Any, project_id: str) -> None:
        render = rendering(serializers.UrlResolver.of(services, request))
        after = _number(request.args.get("after", ""))
        _serve(
            sockets,
            connection,
            lambda client: follow_project(client, project_feed, services.clock, project_id, after, render),
        )

    app.register_blueprint(blueprint)


def _serve(sockets: Sockets, connection: Any, talk: Callable[[ClientSocket], None]) -> None:
    """Have `talk` use the connection to its end, and close it."""
    client = ClientSocket(connection)
    sockets.add(client)
    try:
        talk(client)
        client.close()
    except SocketClosed:
        return
    except Exception:  # Flask's error handler would write an HTTP answer into the upgraded socket
        log.exception("the WebSocket %s failed", request.path)
        client.close(INTERNAL_ERROR)
    finally:
        sockets.remove(client)


def _number(text: str) -> int | None:
    """A number that a message had; None for what is none, which is answered like one that nobody knows any more."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None
