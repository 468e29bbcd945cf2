"""The node's log lines."""

from __future__ import annotations

import logging

import pytest

from tests.support.hostile_text import FORGED, INVISIBLE, forging
from worker_node.log import set_up_logging


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_what_a_caller_sent_forges_no_line(capsys: pytest.CaptureFixture[str], character: str, form: str) -> None:
    set_up_logging(form)
    try:
        raise ValueError(forging(character))
    except ValueError:
        logging.getLogger("part").exception("failed with %s", forging(character))
    lines = capsys.readouterr().err.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith(FORGED)]
    assert sum("Traceback" in line for line in lines) == 1
    assert sum(line.count("图\\") for line in lines) == 2
