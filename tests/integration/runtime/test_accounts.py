"""`main.py user` and `main.py key`, as an operator types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import main

PASSWORD = "correct horse battery"


@pytest.fixture
def order(tmp_path: Path) -> Callable[..., Result]:
    def run(*words: str, typed: str = "") -> Result:
        env = {"S2V_DATA_DIR": str(tmp_path / "data"), "S2V_LOG_LEVEL": "ERROR"}
        return CliRunner().invoke(main.cli, [*words, "--config", "/dev/null"], input=typed, env=env)

    return run


def test_accounts_are_added_listed_and_closed(order: Callable[..., Result]) -> None:
    assert order("user", "add", "alice", typed=f"{PASSWORD}\n").exit_code == 0
    assert order("user", "add", "root", "--admin", typed=f"{PASSWORD}\n").exit_code == 0
    listed = order("user", "list").stdout.splitlines()
    assert [line.split("\t")[:3] for line in listed] == [["alice", "user", "active"], ["root", "admin", "active"]]
    assert order("user", "disable", "alice").exit_code == 0
    assert "alice\tuser\tdisabled" in order("user", "list").stdout
    assert order("user", "password", "alice", typed="another password\n").exit_code == 0
    assert "alice\tuser\tactive" in order("user", "list").stdout


def test_a_key_is_said_once_and_only_its_hash_is_kept(order: Callable[..., Result], tmp_path: Path) -> None:
    order("user", "add", "alice", typed=f"{PASSWORD}\n")
    said = order("key", "add", "alice", "--name", "phone", "--scope", "legacy", "--days", "9").stdout
    key, id_ = said.splitlines()[-1], said.split()[1]
    assert key.startswith("s2v_")
    assert len(key) == 47
    listed = order("key", "list").stdout
    assert listed.split("\t")[:4] == [id_, "alice", "legacy", "phone"]
    assert "expires" in listed
    assert key not in listed
    files = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert key[4:].encode() not in files
    assert PASSWORD.encode() not in files
    assert order("key", "revoke", id_).exit_code == 0
    assert "revoked" in order("key", "list").stdout


@pytest.mark.parametrize(
    ("words", "typed", "says"),
    [
        (("user", "add", "a b"), PASSWORD, "a name has"),
        (("user", "add", "bob"), "short", "10"),
        (("user", "add", "alice"), PASSWORD, "already"),
        (("user", "password", "nobody"), PASSWORD, "no account nobody"),
        (("user", "disable", "nobody"), "", "no account nobody"),
        (("user", "adopt", "nobody"), "", "no account nobody"),
        (("key", "add", "nobody"), "", "no account nobody"),
        (("key", "add", "alice", "--scope", "admin"), "", "no admin"),
        (("key", "revoke", "nothing"), "", "no key nothing"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(
    order: Callable[..., Result], words: tuple[str, ...], typed: str, says: str
) -> None:
    order("user", "add", "alice", typed=f"{PASSWORD}\n")
    done = order(*words, typed=f"{typed}\n")
    assert done.exit_code == main.CONFIG_WRONG
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_is_no_argument(order: Callable[..., Result]) -> None:
    assert order("user", "add", "alice", PASSWORD).exit_code != 0
