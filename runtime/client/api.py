"""Calls to the server: with a login or a token where one is given, again where a connection broke, and errors as they end a command."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import requests
import websocket

from runtime.client.outcomes import Refused, Unreachable

CONNECT_S, ANSWER_S = 10.0, 120.0
PAUSES_S = (0.3, 1.0)  # before a call is made again
SILENCE_S = 40.0  # a feed says something every 15 s
UNAVAILABLE = (502, 503, 504)

Json = dict[str, Any]


class FeedBroken(Exception):
    """There is no feed, or no more of it: look for oneself."""


class Api:
    """A server's `/v1/api`. With `user` it logs in when it must, and again when that has run out."""

    def __init__(self, server: str, token: str = "", user: str = "", password: str = "") -> None:
        self._base = server.rstrip("/") + "/v1/api"
        self._server, self._token, self._user, self._password = server, token, user, password
        self._session = requests.Session()

    def call(self, method: str, path: str, body: Json | None = None, **params: Any) -> Json:
        """The answer's object; raises `Unreachable` or `Refused`."""
        answer = self._ask(method, path, json=body, params=params)
        try:
            found = answer.json()
        except ValueError as error:
            raise Unreachable(f"{self._server} answers, but not as a StoryToVideo server") from error
        return found if isinstance(found, dict) else {}

    def stream(self, path: str) -> requests.Response:
        """An answer whose body is read as it comes."""
        return self._ask("GET", path, stream=True)

    def feed(self, project_id: str, after: int | None) -> Iterator[Json]:
        """The project's messages, behind that of this number; raises `FeedBroken` when there are no more."""
        query = "" if after is None else "?" + urlencode({"after": after})
        address = f"{self._base}/projects/{project_id}/feed{query}".replace("http", "ws", 1)
        try:
            socket = websocket.create_connection(address, timeout=SILENCE_S, header=self._headers())
            try:
                while True:
                    message = json.loads(socket.recv())
                    if "type" not in message:  # an error
                        raise FeedBroken
                    yield message
            finally:
                socket.close()
        except (websocket.WebSocketException, OSError, ValueError) as error:
            raise FeedBroken from error

    def _ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        key = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
        answer = self._try(method, path, key, **arguments)
        if answer.status_code == requests.codes.unauthorized and self._user:
            self._log_in()
            answer = self._try(method, path, key, **arguments)
        if answer.status_code in UNAVAILABLE:
            raise Unreachable(f"{self._server} is not ready: {_reason(answer)}")
        if not answer.ok:
            raise Refused(_reason(answer))
        return answer

    def _try(self, method: str, path: str, headers: dict[str, str], **arguments: Any) -> requests.Response:
        """Once more where the connection broke: a GET changes nothing, and a POST has a key by which it counts once."""
        for pause in (*PAUSES_S, None):
            try:
                return self._session.request(
                    method,
                    self._base + path,
                    headers={**headers, **self._headers()},
                    timeout=(CONNECT_S, ANSWER_S),
                    **arguments,
                )
            except requests.RequestException as error:
                if pause is None or not isinstance(error, requests.ConnectionError | requests.Timeout):
                    raise Unreachable(f"no server answers at {self._server}: {error}") from error
                time.sleep(pause)
        raise AssertionError

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _log_in(self) -> None:
        self._token = ""
        answer = self._try("POST", "/auth/login", {}, json={"username": self._user, "password": self._password})
        if not answer.ok:
            raise Refused(_reason(answer))
        self._token = str(answer.json().get("access_token") or "")


def _reason(answer: requests.Response) -> str:
    """What the server says, with the parameter that is at fault."""
    try:
        said = answer.json()
    except ValueError:
        said = {}
    text = str(said.get("message") or said.get("error") or answer.reason) if isinstance(said, dict) else answer.reason
    return f"{text} ({answer.status_code})"
