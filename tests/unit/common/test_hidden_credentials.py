"""No line of the log lets its reader in."""

from __future__ import annotations

import io
import json
import logging

import pytest

from common.hidden_credentials import without_credentials
from runtime.logging_setup import set_up_logging

KEY = "s2v_" + "Ab3-_xY9" * 5 + "end"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
SIGNATURE = "0123456789abcdef" * 4
LINES = [
    f"GET /k/{KEY}/v1/api/projects HTTP/1.1",
    f"GET /k/not-even-a-key-{KEY[4:]}/static/a.png",
    f"GET /%6B/{KEY}/tasks/x/wss",
    f"http://host/tasks/x/wss?token={KEY}&x=1",
    f"/v1/api/voices/sample?a=1&token={TOKEN}",
    f"access_token={TOKEN}",
    f"PUT /films/a.mp4?X-Amz-Expires=900&X-Amz-Signature={SIGNATURE}&partNumber=1",
    f"Authorization: Bearer {KEY}",
    f"'Bearer {TOKEN}'",
    f'{{"refresh_token": "{TOKEN}"}}',
]


@pytest.mark.parametrize("line", LINES)
def test_what_lets_somebody_in_is_masked(line: str) -> None:
    hidden = without_credentials(line)
    assert KEY[4:] not in hidden
    assert TOKEN[-20:] not in hidden
    assert SIGNATURE not in hidden
    assert "***" in hidden


@pytest.mark.parametrize(
    "line", ["task 5f3e (generate_shot) claimed", "GET /v1/api/projects", "s2v_", "projects/k1/a.png"]
)
def test_other_lines_are_as_they_are(line: str) -> None:
    assert without_credentials(line) == line


@pytest.mark.parametrize("form", ["text", "json"])
def test_neither_a_message_nor_a_traceback_holds_a_key(form: str) -> None:
    stream = io.StringIO()
    set_up_logging("INFO", form, stream)
    try:
        raise ValueError(f"/k/{KEY}/v1/api/projects?token={TOKEN}")
    except ValueError:
        logging.getLogger("x").exception("at %s", f"/k/{KEY}/tasks/x/wss")
    said = stream.getvalue()
    assert KEY[4:] not in said
    assert TOKEN[-20:] not in said
    assert said.count("/k/***/") == 3, "in the message, in the line that failed, and in what it said"
    if form == "json":
        assert json.loads(said)["level"] == "ERROR"
