"""Limits and credentials where answers lie ready: as many are let through as may be, and nobody who may not."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.integration.attacks.ready_answers import (
    CLOSED,
    MAIN,
    PASSWORD,
    Rows,
    ask,
    connected,
    copied,
    head_of,
    id_of,
    lines_of,
    planted,
    said,
    take,
    warm,
)
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until

LIMIT, MORE = 100, 20
SOME = (LIMIT + MORE) // 4  # of each of four connections


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Path]:
    seed = tmp_path_factory.mktemp("rows") / "seed"
    return planted(seed), seed


@pytest.fixture(scope="module")
def closed(rows: tuple[Rows, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """A server that asks who one is, and counts."""
    settings = {**CLOSED, "limits.enabled": "true", "limits.read": f"{LIMIT}/second"}
    with ServerUnderTest(copied(rows[1], tmp_path_factory.mktemp("closed")), settings) as running:
        yield running
        assert "Traceback" not in running.lines()


def new_key(server: ServerUnderTest) -> tuple[str, str]:
    """Another key of alice's: its id and its text."""
    database = open_database(Settings(data_dir=server.folder / "data"))
    made = accounts.add_key(database, "alice", "", Scope.READ, days=0, now=Clock().now())
    database.close()
    return made


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one piece"])
def test_as_many_are_let_through_in_a_second_as_may_be(
    closed: ServerUnderTest, rows: tuple[Rows, Path], together: bool
) -> None:
    """In one piece they are for threads, and else for the main loop where one was counted in advance."""
    path, asked = f"/v1/api/tasks/{rows[0].task}", LIMIT + MORE
    warm(closed, head_of(path, key=new_key(closed)[1]))

    def within_a_second() -> list[bytes]:
        head = head_of(path, key=new_key(closed)[1])
        began = time.monotonic()
        with connected(closed) as connection:
            if together:
                connection.sendall(head * asked)
                answers = take(connection, asked)
            else:
                answers = list(map(ask, [connection] * asked, [head] * asked))
        return answers if time.monotonic() - began < 0.9 else []

    answers = wait_until(within_a_second, what="a second's requests")
    assert [answer[9:12] for answer in answers] == [b"200"] * LIMIT + [b"429"] * (asked - LIMIT)
    lines = lines_of(closed, map(id_of, answers))
    at_once = sum(line["thread"] == MAIN for found in lines.values() for line in found)
    assert all(len(found) == 1 for found in lines.values())
    assert at_once == 0 if together else at_once > LIMIT // 4


def test_several_connections_are_let_through_no_more_than_that(
    closed: ServerUnderTest, rows: tuple[Rows, Path]
) -> None:
    """Threads and the main loop take of the same that was counted in advance."""
    path = f"/v1/api/tasks/{rows[0].task}"

    def asked_by(head: bytes, together: bool) -> list[bytes]:
        with connected(closed) as connection:
            if not together:
                return list(map(ask, [connection] * SOME, [head] * SOME))
            connection.sendall(head * SOME)
            return take(connection, SOME)

    def within_a_second() -> int:
        head = head_of(path, key=new_key(closed)[1])
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            answers = itertools.chain(*pool.map(asked_by, [head] * 4, [False, True] * 2))
        passed = sum(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
        return passed if time.monotonic() - began < 0.9 else 0

    assert LIMIT - SOME <= wait_until(within_a_second, what="a second's requests") <= LIMIT


def test_a_key_that_is_revoked_and_an_account_that_is_disabled_open_nothing_from_then_on(
    closed: ServerUnderTest, rows: tuple[Rows, Path]
) -> None:
    database, now = open_database(Settings(data_dir=closed.folder / "data")), Clock().now
    for path in rows[0].paths:
        id_, text = new_key(closed)
        head = head_of(path, key=text)
        warm(closed, head)
        with connected(closed) as connection:
            connection.sendall(head)
            assert take(connection, 1)[0].startswith(b"HTTP/1.1 200 ")
            accounts.revoke_key(database, id_, now=now())
            for _ in range(3):
                connection.sendall(head)
                assert take(connection, 1)[0].startswith(b"HTTP/1.1 401 ")
    accounts.add(database, "root", PASSWORD, admin=True, now=now())
    head = head_of(rows[0].paths[0], key=accounts.add_key(database, "root", "", Scope.ADMIN, days=0, now=now())[1])
    warm(closed, head)
    accounts.disable(database, "root", now=now())
    assert said(closed.port, head).startswith(b"HTTP/1.1 401 ")
    database.close()
