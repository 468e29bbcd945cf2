"""Log lines."""

from __future__ import annotations

import builtins
import io
import json
import logging
from typing import Any

import pytest

from common.request_id import bound
from runtime import logging_setup
from runtime.logging_setup import name_process, set_up_logging
from tests.support.hostile_text import FORGED, INVISIBLE, forging


def test_text_line_names_the_request() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", "text", stream)
    with bound("abc"):
        logging.getLogger("part").info("said %s", "it")
    logging.getLogger("part").debug("not said")
    assert stream.getvalue().rstrip().endswith("INFO    part [abc]: said it")


def test_lines_of_one_of_several_processes_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging_setup, "_named", [""])
    name_process("web-2")
    for form, part in (("text", "INFO    web-2 part: said"), ("json", '"process": "web-2"')):
        stream = io.StringIO()
        set_up_logging("INFO", form, stream)
        logging.getLogger("part").info("said")
        assert part in stream.getvalue()


def test_json_line_is_one_object_with_the_exception() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", "json", stream)
    try:
        raise ValueError("两行\n文字")
    except ValueError:
        logging.getLogger("part").exception("failed")
    (line,) = stream.getvalue().splitlines()
    said = json.loads(line)
    assert (said["level"], said["logger"], said["message"]) == ("ERROR", "part", "failed")
    assert "两行\n文字" in said["exception"]
    assert "request_id" not in said


def test_of_two_set_ups_the_last_counts() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logging("INFO", "text", first)
    set_up_logging("ERROR", "text", second)
    logging.getLogger("part").error("once")
    logging.getLogger("part").warning("never")
    assert first.getvalue() == ""
    assert second.getvalue().count("\n") == 1


def said_of(error: BaseException) -> str:
    """The log's text about an exception that was raised."""
    stream = io.StringIO()
    set_up_logging("INFO", "text", stream)
    try:
        raise error
    except BaseException:
        logging.getLogger("part").exception("failed")
    return stream.getvalue()


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_a_strangers_text_forges_no_line(character: str) -> None:
    for form in ("text", "json"):
        stream = io.StringIO()
        set_up_logging("INFO", form, stream)
        logging.getLogger("part").warning("the node says: %s", forging(character))
        line = stream.getvalue().removesuffix("\n")
        assert line.isprintable()
        assert FORGED in line
        assert "图\\" in line


def test_what_can_be_seen_stays_as_it_is() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", "text", stream)
    logging.getLogger("part").info("%s", "小狐狸　é 🦊 C:\\x")
    assert stream.getvalue().endswith(": 小狐狸　é 🦊 C:\\x\n")


@pytest.mark.parametrize("character", [c for c in INVISIBLE if c != "\t"], ids=ascii)
def test_a_traceback_keeps_its_lines_and_no_others(character: str) -> None:
    inner, outer = ValueError(forging(character)), OSError(5, forging(character))
    outer.__cause__ = inner
    lines = said_of(outer).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert not [line for line in lines if line.startswith(FORGED)]
    assert sum(line.startswith("Traceback") for line in lines) == 2
    assert any(line.startswith("ValueError: 图\\") for line in lines)
    assert any(line.startswith("    raise error") for line in lines)


def test_notes_groups_and_contexts_are_shown_without_lines_of_their_own() -> None:
    error: Any = ValueError("outer")
    error.__context__ = KeyError(forging("\n"))
    error.__notes__ = [forging("\n")]
    group = getattr(builtins, "ExceptionGroup", None)  # Python 3.11
    if group is not None:
        error = group(forging("\r"), [error, SyntaxError(forging("\n"), ("a\nb", 1, 1, forging("\n")))])
    said = said_of(error)
    assert not [line for line in said.splitlines() if line.startswith(FORGED)]
    assert "KeyError" in said
    if group is not None:
        assert f"图\\n{FORGED}" in said
