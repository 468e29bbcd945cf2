"""Lines that may wait: when they are written, in which order, and what becomes of them where there are too many."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.request_id import Served, bound, trace_of
from routers import access_log
from routers.access_log import Answered
from runtime import log_handler, logging_setup
from tests.support.wait import wait_until

NEVER_S = 3600.0
ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a b", "REMOTE_ADDR": "10.0.0.1"}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging_setup.flush()
    root.handlers[:] = handlers
    root.setLevel(level)


def logging_to(stream: io.TextIOBase, form: str = "text") -> None:
    logging_setup.set_up_logging("INFO", form, stream)  # type: ignore[arg-type]  # what it needs of a TextIO it has


def ask(number: int, served: Served | None = None) -> None:
    access_log.write(ENVIRON, Answered("/<name>", 200, 0.25, number), served or Served("mine", trace_of("mine")))


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread leaves what waits alone."""
    monkeypatch.setattr(log_handler, "WAIT_S", NEVER_S)


def test_what_waits_is_written_soon() -> None:
    stream = io.StringIO()
    logging_to(stream)
    ask(1)
    wait_until(lambda: ", 1 bytes" in stream.getvalue())
    ask(2)
    wait_until(lambda: ", 2 bytes" in stream.getvalue())
    assert (
        stream.getvalue()
        .splitlines()[0]
        .endswith("INFO    access [mine]: GET /a%20b 200 250.0 ms, upstream 0.0 ms, 1 bytes, 10.0.0.1")
    )


@pytest.mark.usefixtures("unhurried")
def test_any_other_line_is_written_at_once_and_behind_what_waits() -> None:
    stream = io.StringIO()
    logging_to(stream)
    ask(1)
    ask(2)
    assert stream.getvalue() == ""
    logging.getLogger("part").warning("said")
    ask(3)
    assert [line.rpartition(": ")[2] for line in stream.getvalue().splitlines()][2:] == ["said"]
    assert ["1 bytes" in line for line in stream.getvalue().splitlines()] == [True, False, False]
    logging_setup.flush()
    assert ", 3 bytes" in stream.getvalue()


@pytest.mark.usefixtures("unhurried")
def test_another_set_up_writes_what_waits_where_it_belongs() -> None:
    first, second = io.StringIO(), io.StringIO()
    logging_to(first)
    ask(1)
    logging_to(second)
    ask(2)
    logging_setup.flush()
    assert (", 1 bytes" in first.getvalue(), ", 2 bytes" in first.getvalue()) == (True, False)
    assert (", 1 bytes" in second.getvalue(), ", 2 bytes" in second.getvalue()) == (False, True)


@pytest.mark.usefixtures("unhurried")
def test_of_too_many_those_beyond_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_handler, "MOST_WAITING", 3)
    stream = io.StringIO()
    logging_to(stream)
    for number in range(1, 6):
        ask(number)
    logging_setup.flush()
    lines = stream.getvalue().splitlines()
    assert [f", {number} bytes" in line for number, line in enumerate(lines, 1)] == [True, True, True, False]
    assert lines[3].endswith("2 lines of requests were left out: more come than can be written")
    ask(6)
    logging_setup.flush()
    assert len(stream.getvalue().splitlines()) == 5


class _Stuck(io.StringIO):
    """Whoever writes stays there until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writes, self.go_on = threading.Event(), threading.Event()

    def write(self, text: str) -> int:
        self.writes.set()
        self.go_on.wait()
        return super().write(text)


def test_requests_do_not_wait_for_a_log_that_is_stuck() -> None:
    stream = _Stuck()
    logging_to(stream)
    ask(1)
    assert stream.writes.wait(60)
    for number in range(2, 1000):
        ask(number)
    stream.go_on.set()
    logging_setup.flush()
    assert stream.getvalue().count("\n") == 999


@pytest.mark.usefixtures("unhurried")
def test_a_forked_process_writes_its_own_lines_and_none_of_its_parent(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        logging_setup.set_up_logging("INFO", "text", stream)
        ask(1)
        child = os.fork()
        if not child:
            logging.getLogger("part").warning("the child's")
            ask(2)
            logging_setup.flush()
            os._exit(0)
        os.waitpid(child, 0)
        logging_setup.flush()
    lines = (tmp_path / "log").read_text("utf-8").splitlines()
    assert ["the child's" in lines[0], ", 2 bytes" in lines[1], ", 1 bytes" in lines[2]] == [True] * 3
    assert len(lines) == 3


def test_a_forked_process_writes_by_a_thread_of_its_own(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        logging_setup.set_up_logging("INFO", "text", stream)
        ask(1)
        wait_until(lambda: (tmp_path / "log").read_text("utf-8"))
        child = os.fork()
        if not child:
            ask(2)
            wait_until(lambda: ", 2 bytes" in (tmp_path / "log").read_text("utf-8"))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_line_in_json_names_what_is_known_of_the_request() -> None:
    stream = io.StringIO()
    logging_to(stream, "json")
    with bound("other"):  # whoever writes it may serve another one
        ask(7, Served("mine", "4bf92f3577b34da6a3ce929d0e0e4736", 0.1, "/<name>", "alice", "t 1"))
        logging_setup.flush()
    line = json.loads(stream.getvalue())
    assert {name: line[name] for name in ("level", "logger", "request_id", "trace_id", "thread")} == {
        "level": "INFO",
        "logger": "access",
        "request_id": "mine",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "thread": threading.current_thread().name,
    }
    assert {name: line[name] for name in ("method", "path", "route", "status", "ms", "upstream_ms", "bytes")} == {
        "method": "GET",
        "path": "/a%20b",
        "route": "/<name>",
        "status": 200,
        "ms": 250.0,
        "upstream_ms": 100.0,
        "bytes": 7,
    }
    assert (line["client"], line["user"], line["task"]) == ("10.0.0.1", "alice", "t%201")


def test_a_line_that_cannot_be_written_keeps_no_other_from_it(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logging_to(stream)
    logging.getLogger("part").warning("%d", "no number")
    ask(1)
    logging_setup.flush()
    assert ", 1 bytes" in stream.getvalue()
    assert "no number" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_hidden_in_one_of_many_lines_hides_nothing_of_the_next(form: str) -> None:
    stream = io.StringIO()
    logging_to(stream, form)
    for path in ("/before", "/password':'pLanted-1", "/k/pLanted-2/x", "/after\u200b"):
        access_log.write({**ENVIRON, "PATH_INFO": path}, Answered("/<name>", 200, 0.25, 1), Served("mine"))
    logging_setup.flush()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert "pLanted" not in stream.getvalue()
    assert ["10.0.0.1" in line for line in lines if "password" not in line] == [True] * 3
