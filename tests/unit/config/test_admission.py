"""When the server lets everybody in, and when it does not start."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.admission import AdmissionError, is_loopback, needs_login, warning
from config.load import load
from config.settings import AuthSettings, ServerSettings, Settings

HERE = ["127.0.0.1", "127.8.9.1", "::1", "localhost"]
ELSEWHERE = ["", "0.0.0.0", "::", "192.0.2.7", "film.example", "127.0.0.1.example", "2001:db8::1", "localhost.example"]


def settings(required: str, *, anonymous: bool = False, port: str = ":8080") -> Settings:
    auth = AuthSettings.model_validate({"required": required, "allow_anonymous": anonymous})
    return Settings(server=ServerSettings(port=port), auth=auth)


@pytest.mark.parametrize("host", HERE)
def test_on_loopback_none_is_needed_unless_it_is_asked_for(host: str) -> None:
    assert is_loopback(host)
    found = [needs_login(settings(required), host) for required in ("auto", "false", "true")]
    assert found == [False, False, True]


@pytest.mark.parametrize("host", ELSEWHERE)
def test_where_others_reach_it_a_login_is_needed(host: str) -> None:
    assert not is_loopback(host)
    assert needs_login(settings("auto"), host)
    assert needs_login(settings("true", anonymous=True), host)
    assert warning(settings("auto"), host) == ""


@pytest.mark.parametrize("host", ELSEWHERE)
def test_there_it_starts_open_only_where_that_is_said_in_as_many_words(host: str) -> None:
    with pytest.raises(AdmissionError, match="allow_anonymous") as refused:
        needs_login(settings("false"), host)
    assert "main.py user add" in str(refused.value)
    assert not needs_login(settings("false", anonymous=True), host)
    assert "main.py user add" in warning(settings("false", anonymous=True), host)


@pytest.mark.parametrize(
    ("port", "needed"), [(":1", True), ("127.0.0.1:1", False), ("[::1]:1", False), ("0.0.0.0:1", True)]
)
def test_without_another_word_it_goes_by_the_configured_address(port: str, needed: bool) -> None:
    assert needs_login(settings("auto", port=port)) == needed


def test_a_proxy_in_front_of_loopback_is_worth_a_warning() -> None:
    plain = settings("auto", port="127.0.0.1:1")
    assert warning(plain, "127.0.0.1") == ""
    for server in (ServerSettings(public_url="https://film.example"), ServerSettings(trusted_proxies=["10.0.0.0/8"])):
        behind = plain.model_copy(update={"server": server})
        assert "proxy" in warning(behind, "127.0.0.1")
        closed = behind.model_copy(update={"auth": AuthSettings(required="true")})
        assert warning(closed, "127.0.0.1") == ""


@pytest.mark.parametrize(
    ("text", "opened"),
    [
        ("server: {port: ':8080'}", True),
        ("server: {port: ':8080'}\nauth: {required: auto}", True),
        ("server: {port: ':8080'}\nauth: {required: true}", False),
    ],
)
def test_a_go_backends_own_file_that_is_silent_about_it_stays_open_with_a_warning(
    tmp_path: Path, text: str, opened: bool
) -> None:
    path = tmp_path / "config" / "config.yaml"
    path.parent.mkdir()
    path.write_text(text)
    found = load(path, {}).settings
    assert needs_login(found) != opened
    assert bool(warning(found, "")) == opened
    beside = tmp_path / "config.yaml"
    beside.write_text("auth: {required: auto, allow_anonymous: false}")
    assert needs_login(load(beside, {}).settings) != opened
    assert needs_login(load(beside, {"S2V_AUTH_REQUIRED": "true"}).settings)


def test_beside_a_go_backends_file_ours_says_whether_a_login_is_needed(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("server: {port: ':8080'}")
    (tmp_path / "config.yaml").write_text("auth: {required: 'true'}")
    assert needs_login(load(tmp_path / "config.yaml", {}).settings)


def test_a_secret_that_is_short_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        AuthSettings(secret="short")
