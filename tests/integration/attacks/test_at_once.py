"""Odd heads of requests whose answer lies ready: what the main loop says is, but for date and id, what a thread says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.integration.attacks.odd_reads import HUGE, OTHERS, READY
from tests.integration.attacks.ready_answers import (
    CLOSED,
    MAIN,
    Rows,
    alike,
    copied,
    head_of,
    id_of,
    lines_of,
    log_in,
    planted,
    said,
    sorted_head,
    warm,
)
from tests.support.server_process import ServerUnderTest

HEADS = READY | OTHERS | HUGE
ROUNDS = 3  # after which an answer is to lie ready: a minute or an hour may have ended meanwhile
CHANGES = ("ms", "upstream_ms", "time", "message", "thread", "request_id", "trace_id")


class Asked(NamedTuple):
    """A head as it was sent, and its answers: by the main loop where it gives one, by a thread that gives what lies ready, and anew."""

    head: bytes
    given: bytes
    by_thread: bytes
    anew: bytes


class Exchanges(NamedTuple):
    """What was asked for, and the lines of the access logs of both servers."""

    asked: dict[str, Asked]
    log: dict[str, list[dict[str, Any]]]
    cold_log: dict[str, list[dict[str, Any]]]
    both: str


def filled(head: bytes, rows: Rows, token: str, etag: str) -> bytes:
    words = {
        **rows.keys,
        "task": rows.task,
        "project": rows.project,
        "token": token,
        "etag": etag,
        "strong": etag.removeprefix("W/"),
        "unquoted": etag.removeprefix("W/").strip('"'),
        "encoded": "".join(f"%{ord(character):02x}" for character in rows.keys["legacy"]),
        "percent": f"{ord(rows.task[0]):02x}{rows.task[1:]}",
    }
    for word, text in words.items():
        head = head.replace(f"<{word}>".encode(), text.encode())
    return head


def at_once(lines: list[dict[str, Any]]) -> bool:
    return any(line["thread"] == MAIN for line in lines)


def etag_of(server: ServerUnderTest, rows: Rows) -> str:
    answer = said(server.port, head_of(f"/v1/api/tasks/{rows.task}", key=rows.keys["read"])).decode()
    return next(line[6:] for line in answer.split("\r\n") if line.startswith("ETag: "))


@pytest.fixture(scope="module")
def exchanges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchanges]:
    """All heads, sent to both servers: what a parametrized test looks at."""
    folder = tmp_path_factory.mktemp("ready")
    rows = planted(folder / "seed")
    folders = {name: folder / name for name in ("ready", "anew")}
    for each in folders.values():
        each.mkdir()
        copied(folder / "seed", each)
    settings = {**CLOSED, "limits.enabled": "false"}
    with (
        ServerUnderTest(folders["ready"], settings) as ready,
        ServerUnderTest(folders["anew"], {**settings, "server.answer_cache": 0}) as anew,
    ):
        tokens = {server: log_in(server) for server in (ready, anew)}
        etag = etag_of(anew, rows)
        heads = {
            name: {server: filled(head, rows, tokens[server], etag) for server in (ready, anew)}
            for name, head in HEADS.items()
        }
        warm(ready, head_of(f"/v1/api/tasks/{rows.task}", key=rows.keys["read"]))
        given: dict[str, bytes] = {}
        log: dict[str, list[dict[str, Any]]] = {}
        for _ in range(ROUNDS):
            late = [
                name for name in HEADS if name not in given or (name in READY and not at_once(log[id_of(given[name])]))
            ]
            for name in late:
                for _ in range(
                    3 if name in READY or name in HUGE else 1
                ):  # Flask's, with its headers; what lies ready; and that
                    given[name] = said(ready.port, heads[name][ready])
            log |= lines_of(ready, [id_of(given[name]) for name in late if given[name]])
        asked = {
            name: Asked(head[ready], given[name], said(ready.port, head[ready] + b"G"), said(anew.port, head[anew]))
            for name, head in heads.items()
        }
        cold_log = lines_of(anew, [id_of(each.anew) for each in asked.values() if each.anew])
        yield Exchanges(asked, log, cold_log, ready.lines() + anew.lines())


@pytest.mark.parametrize("name", HEADS)
def test_the_main_loop_says_what_a_thread_says(exchanges: Exchanges, name: str) -> None:
    asked = exchanges.asked[name]
    assert asked.given.startswith(b"HTTP/1.")
    assert alike(asked.given, asked.head) == alike(asked.by_thread, asked.head)
    assert sorted_head(alike(asked.given, asked.head)) == sorted_head(alike(asked.anew, asked.head))


@pytest.mark.parametrize("name", HEADS)
def test_each_request_has_one_line_in_the_log_that_says_the_same(exchanges: Exchanges, name: str) -> None:
    asked = exchanges.asked[name]
    if id_of(asked.given) == id_of(asked.by_thread):  # asked for more than once by one id
        return
    lines, cold = (
        [{name: value for name, value in line.items() if name not in CHANGES} for line in log]
        for log in (exchanges.log[id_of(asked.given)], exchanges.cold_log[id_of(asked.anew)])
    )
    assert len(lines) == 1
    assert lines == cold


@pytest.mark.parametrize("name", READY)
def test_what_is_asked_for_as_one_should_is_given_at_once(exchanges: Exchanges, name: str) -> None:
    assert at_once(exchanges.log[id_of(exchanges.asked[name].given)])


@pytest.mark.parametrize("name", [*OTHERS, *HUGE])
def test_what_is_not_has_a_thread(exchanges: Exchanges, name: str) -> None:
    """So has a head that takes long to look at: all other clients would wait meanwhile."""
    assert not at_once(exchanges.log[id_of(exchanges.asked[name].given)])


def test_no_head_is_a_fault_in_the_server(exchanges: Exchanges) -> None:
    assert "Traceback" not in exchanges.both
    assert "could not be answered at once" not in exchanges.both
    assert not any(line["level"] == "ERROR" for lines in exchanges.log.values() for line in lines)
    for asked in exchanges.asked.values():
        assert not asked.given.startswith((b"HTTP/1.1 500", b"HTTP/1.1 503"))
