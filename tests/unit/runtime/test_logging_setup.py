"""Log lines."""

from __future__ import annotations

import io
import json
import logging

from common.request_id import bound
from runtime.logging_setup import set_up_logging


def test_text_line_names_the_request() -> None:
    stream = io.StringIO()
    set_up_logging("INFO", "text", stream)
    with bound("abc"):
        logging.getLogger("part").info("said %s", "it")
    logging.getLogger("part").debug("not said")
    assert stream.getvalue().rstrip().endswith("INFO    part [abc]: said it")


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
