"""No line of the log lets its reader in."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from types import ModuleType
from urllib.parse import quote

import pytest

from common import hidden_credentials
from common.hidden_credentials import without_credentials
from runtime.logging_setup import set_up_logging
from worker_node import hidden_credentials as node_credentials

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


PLANTED = "pLanted-%/ü secret"


@pytest.mark.parametrize("masked", [hidden_credentials.without_credentials, node_credentials.without_credentials])
@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("see http://user:pLanted@host/hook", "see http://***@host/hook"),
        ("see https://pLanted@host", "see https://***@host"),
        ("'Authorization': 'Basic pLantedpLantedpLanted'", "'Authorization': '***'"),
        ("Cookie: a=pLanted; b=pLanted", "Cookie: ***"),
        ("?x=1&signature=pLanted&y=2", "?x=1&signature=***&y=2"),
        ("api_key=pLanted rest", "api_key=*** rest"),
        ("mail a@b.example, http://host/a@b", "mail a@b.example, http://host/a@b"),
        ("tokens: 12, a key, secrets", "tokens: 12, a key, secrets"),
    ],
)
def test_what_has_the_form_of_a_secret_is_masked_on_both_sides(
    masked: Callable[[str], str], line: str, left: str
) -> None:
    assert masked(line) == left


@pytest.mark.parametrize(
    "line",
    [
        "root:pLanted@tcp(127.0.0.1:3306)/x",
        "root:pLa@nted@unix(/tmp/x)/x",
        "http://user:pLa@nted@host/x",
        "http://minio/b/k?X-Amz-Algorithm=A&X-Amz-Signature=pLanted",
        '{"password": "pLanted", "x": 1}',
        "whsec_pLantedpLanted",
        "$argon2id$v=19$m=65536$pLanted",
    ],
)
def test_so_are_the_server_s_own_kinds(line: str) -> None:
    assert "nted" not in without_credentials(line)


@pytest.mark.parametrize("module", [hidden_credentials, node_credentials])
def test_a_known_secret_is_masked_in_every_form(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", [])
    monkeypatch.setattr(module, "_known_pattern", [])
    module.hide(["", "short", PLANTED])
    for form in (PLANTED, quote(PLANTED), quote(PLANTED, safe=""), json.dumps(PLANTED), f"<{PLANTED}>"):
        said = module.without_credentials(f"it is {form}, short")
        assert "anted" not in said
        assert said.startswith("it is ")
        assert said.endswith(", short")


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
