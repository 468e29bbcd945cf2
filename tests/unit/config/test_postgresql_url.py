from __future__ import annotations

import pytest

from config.load import ConfigError, load
from config.masking import shown
from config.postgresql_url import PostgresqlUrlError, parse


def test_a_url_is_understood_with_its_escapes() -> None:
    url = parse("postgresql://us%40er:p%2Fa%3Ass%25@db.example.org:6432/fil%20ms?sslmode=require&connect_timeout=3")
    assert (url.username, url.password, url.host, url.port, url.database) == (
        "us@er",
        "p/a:ss%",
        "db.example.org",
        6432,
        "fil ms",
    )
    assert dict(url.query) == {"sslmode": "require", "connect_timeout": "3"}
    assert url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize(
    ("text", "host", "port", "query"),
    [
        ("postgres://h/d", "h", 5432, {}),
        ("postgresql://u@[::1]:1/d", "::1", 1, {}),
        ("postgresql:///d?host=/var/run/postgresql", None, None, {"host": "/var/run/postgresql"}),
    ],
)
def test_parts_that_may_be_left_out(text: str, host: str | None, port: int | None, query: dict[str, str]) -> None:
    url = parse(text)
    assert (url.host, url.port, dict(url.query)) == (host, port, query)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("mysql://u:hidden@h/d", "must begin with postgresql://"),
        ("h/d", "must begin with postgresql://"),
        ("postgresql://u:hidden@h", "database's name"),
        ("postgresql://u:hidden@h/", "database's name"),
        ("postgresql://u:hidden@h/a/b", "database's name"),
        ("postgresql://u:hid@den@h/d", "%40"),
        ("postgresql://u:hid#den@h/d", "%23"),
        ("postgresql://u:hid%zen@h/d", "%25"),
        ("postgresql://u:hidden@h:99999/d", "the port is 99999"),
        ("postgresql://u:hidden@h:x/d", "cannot be told apart"),
        ("postgresql://u:hidden@::1/d", "cannot be told apart"),
        ("postgresql://u:hidden@ho st/d", "the host is"),
        ("postgresql://u:hidden@h/d?options=-c", "is no parameter"),
        ("postgresql://u:hidden@h/d?host=/tmp", "twice"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(text: str, word: str) -> None:
    with pytest.raises(PostgresqlUrlError, match=word) as caught:
        parse(text)
    assert "hid" not in str(caught.value)
    with pytest.raises(ConfigError) as refused:
        load(None, {"S2V_DATABASE_URL": text})
    assert "database.url" in str(refused.value)
    assert "hid" not in str(refused.value)


def test_one_database_is_named() -> None:
    both = {"S2V_DATABASE_URL": "postgresql://u:hidden@h/d", "S2V_MYSQL_DSN": "u:hidden@tcp(h)/d"}
    with pytest.raises(ConfigError, match=r"while mysql\.dsn names one too") as caught:
        load(None, both)
    assert "hidden" not in str(caught.value)
    assert not load(None, dict([both.popitem()])).settings.is_on_sqlite
    assert load(None, {"S2V_DATABASE_URL": "", "S2V_MYSQL_DSN": ""}).settings.is_on_sqlite


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("postgresql://u:hidden@h/d?sslmode=require", "postgresql://u:***@h/d?sslmode=require"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://h/d?password=hidden&sslmode=x", "postgresql://h/d?password=***&sslmode=x"),
        ("", ""),
    ],
)
def test_a_password_is_shown_to_nobody(url: str, seen: str) -> None:
    assert shown("database.url", url) == repr(seen)
