"""Servers whose answers lie ready, or never do, over the same rows: and what they say, as bytes."""

from __future__ import annotations

import json
import re
import shutil
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import requests

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.base import new_id
from models.bootstrap import open_database
from models.project import Project
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from service.access import accounts
from tests.integration.attacks.raw_http import PATIENCE_S
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until
from tests.support.web_app import NOW

PASSWORD = "correct horse battery"
LARGE = 80_000  # characters of a prompt, of three bytes each: nearly as much as an answer that is kept may have
CLOSED = {"auth.required": "true", "log.format": "json", "server.processes": 1}
OPEN = {**CLOSED, "auth.required": "false"}
MAIN = "MainThread"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_END = re.compile(rb"(?<=\r\n)\r\n")


class Rows(NamedTuple):
    """What every server has. `keys` are texts by what they are for."""

    task: str
    project: str
    large: str
    keys: dict[str, str]
    ids: dict[str, str]

    @property
    def paths(self) -> list[str]:
        """Of all reads that may be answered at once."""
        return [
            f"/v1/api/tasks/{self.task}",
            f"/v1/api/projects/{self.project}",
            f"/v1/api/projects/{self.project}/shots",
            f"/api/tasks/{self.task}/status",
            f"/api/projects/{self.project}/storyboard",
        ]


def planted(data: Path) -> Rows:
    """A project of alice's with shots and tasks that have ended, in a database of its own."""
    data.mkdir(parents=True)
    common: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}
    project = Project(id=new_id(), title="山", story_text="狐狸", style="", status="created", shot_count=3, **common)
    ended = {"project_id": project.id, "type": TaskType.IMAGE, "status": TaskStatus.FINISHED, **common}
    prompts = {new_id(): prompt for prompt in ("山", "山" * LARGE)}
    shots = [
        Shot(id=new_id(), project_id=project.id, order=order, title="山", prompt="水", status="created", **common)
        for order in (1, 2, 3)
    ]
    database, now = open_database(Settings(data_dir=data)), Clock().now()
    with database.write() as session:
        session.add(project)
        session.flush()
        session.add_all(shots)
        session.add_all([Task(id=id_, parameters={"shot": {"prompt": text}}, **ended) for id_, text in prompts.items()])
    accounts.add(database, "alice", PASSWORD, admin=False, now=now)
    accounts.adopt(database, "alice")
    accounts.add(database, "bob", PASSWORD, admin=False, now=now)
    accounts.add(database, "gone", PASSWORD, admin=False, now=now)
    owners = {"read": "alice", "write": "alice", "legacy": "alice", "revoked": "alice", "bob": "bob", "gone": "gone"}
    made = {
        name: accounts.add_key(
            database, owner, name, Scope(name) if name in tuple(Scope) else Scope.READ, days=0, now=now
        )
        for name, owner in owners.items()
    }
    accounts.revoke_key(database, made["revoked"][0], now=now)
    accounts.disable(database, "gone", now=now)
    database.close()
    task, large = prompts
    return Rows(
        task,
        project.id,
        large,
        {name: key[1] for name, key in made.items()},
        {name: key[0] for name, key in made.items()},
    )


def copied(data: Path, folder: Path) -> Path:
    """A folder for a server that begins with these rows."""
    shutil.copytree(data, folder / "data")
    return folder


def said(port: int, request: bytes, *, end: bool = True) -> bytes:
    """What the server says to these bytes until it closes the connection; nothing follows them, which it is told if `end`."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = bytearray()
        with suppress(ConnectionResetError, BrokenPipeError):  # what it refused it need not read to the end
            connection.sendall(request)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 20):
                received += piece
    return bytes(received)


def one_of(received: bytearray) -> bytes | None:
    """Take the first whole answer, which says its length, out of what has come."""
    found = _END.search(received)
    if found is None:
        return None
    head = bytes(received[: found.end()])
    length = re.search(rb"(?m)^Content-Length: (\d+)\r$", head)
    size = found.end() + (int(length[1]) if length else 0)
    if len(received) < size:
        return None
    answer = bytes(received[:size])
    del received[:size]
    return answer


def take(connection: socket.socket, count: int, left: bytearray | None = None) -> list[bytes]:
    """So many answers from this connection; an error where it ends before."""
    received, answers = left if left is not None else bytearray(), list[bytes]()
    while len(answers) < count:
        answer = one_of(received)
        if answer is not None:
            answers.append(answer)
            continue
        piece = connection.recv(1 << 20)
        if not piece:
            raise ConnectionError(f"the end after {len(answers)} answers and {len(received)} bytes")
        received += piece
    return answers


def alike(answer: bytes, request: bytes = b"") -> bytes:
    """The answer without the date, the order in `Allow` and, where the client did not say it, the request's id."""
    found = re.search(rb"(?m)^X-Request-ID: (.*)\r$", answer)
    if found is not None and found[1] not in request:
        answer = answer.replace(found[1], b"drawn")
    answer = re.sub(rb"(?m)^Date: .*\r$", b"Date: now\r", answer, count=1)
    return re.sub(
        rb"(?m)^Allow: (.*)\r$", lambda told: b"Allow: %s\r" % b", ".join(sorted(told[1].split(b", "))), answer, count=1
    )


def sorted_head(answer: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Its first line, its headers in no order, and its body."""
    head, _, body = answer.removeprefix(CONTINUE).partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return first, sorted(headers), body


def id_of(answer: bytes) -> str:
    """The request's id, as the answer says it."""
    found = re.search(rb"(?m)^X-Request-ID: (.*)\r$", answer)
    return found[1].decode() if found else ""


def access_lines(server: ServerUnderTest) -> list[dict[str, Any]]:
    """The access log, which is written soon after."""
    lines = [json.loads(line) for line in server.lines().splitlines() if line.startswith("{") and line.endswith("}")]
    return [line for line in lines if line["logger"] == "access"]


def lines_of(server: ServerUnderTest, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The lines of these requests, once each has one."""
    wanted = set(ids)

    def found() -> dict[str, list[dict[str, Any]]]:
        by_id: dict[str, list[dict[str, Any]]] = {id_: [] for id_ in wanted}
        for line in access_lines(server):
            by_id.get(line.get("request_id", ""), []).append(line)
        return by_id if all(by_id.values()) else {}

    return wait_until(found, what="the access log") if wanted else {}


def head_of(path: str, *headers: str, key: str = "", host: str = "film.example") -> bytes:
    """A plain request's head."""
    known = [f"Authorization: Bearer {key}"] if key else []
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *known, *headers, "", ""]).encode("latin-1")


def warm(server: ServerUnderTest, *heads: bytes) -> None:
    """Ask until the main loop answers each of these."""

    def at_once(head: bytes) -> bool:
        ids = {id_of(said(server.port, head)) for _ in range(2)}
        return any(line["thread"] == MAIN for lines in lines_of(server, ids).values() for line in lines)

    for head in heads:
        wait_until(lambda: at_once(head), what=repr(head))  # noqa: B023 - used within this turn


def log_in(server: ServerUnderTest) -> str:
    """An access token of alice's."""
    body = {"username": "alice", "password": PASSWORD}
    return str(requests.post(f"{server.url}/v1/api/auth/login", json=body, timeout=PATIENCE_S).json()["access_token"])


def connected(server: ServerUnderTest, window: int = 0) -> socket.socket:
    """A connection that sends each piece by itself, and takes no more than `window` bytes before they are read."""
    connection = socket.socket()
    if window:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(PATIENCE_S)
    connection.connect(("127.0.0.1", server.port))
    return connection


def ask(connection: socket.socket, head: bytes) -> bytes:
    """The answer to this request, before which no other is awaited."""
    connection.sendall(head)
    return take(connection, 1)[0]
