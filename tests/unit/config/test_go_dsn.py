"""Addresses in the Go driver's form."""

from __future__ import annotations

from datetime import timezone
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.go_dsn import DsnError, parse
from config.zones import zone_named

USERS = st.text(st.characters(blacklist_characters=":@/", blacklist_categories=["Cs"]), min_size=1, max_size=20)
PASSWORDS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=30)
NAMES = st.text(st.characters(blacklist_characters="/", blacklist_categories=["Cs"]), min_size=1, max_size=20)


@given(user=USERS, password=PASSWORDS, name=NAMES, port=st.integers(1, 65535))
def test_what_a_dsn_is_made_of_is_what_is_read(user: str, password: str, name: str, port: int) -> None:
    """A password may hold any character; a database's name is escaped."""
    url = parse(f"{user}:{password}@tcp(db.example:{port})/{quote(name, safe='')}?charset=utf8mb4").url
    assert (url.username, url.password, url.host, url.port, url.database) == (user, password, "db.example", port, name)
    assert url.drivername == "mysql+pymysql"


@pytest.mark.parametrize(
    ("dsn", "host", "port"),
    [
        ("u:p@tcp(db)/x", "db", 3306),
        ("u:p@tcp(:3307)/x", "127.0.0.1", 3307),
        ("u:p@tcp([::1]:3307)/x", "::1", 3307),
        ("u:p@tcp([::1])/x", "::1", 3306),
        ("u:p@tcp/x", "127.0.0.1", 3306),
        ("u:p@/x", "127.0.0.1", 3306),
        ("/x", "127.0.0.1", 3306),
    ],
)
def test_address_has_the_driver_s_defaults(dsn: str, host: str, port: int) -> None:
    url = parse(dsn).url
    assert (url.host, url.port, url.database) == (host, port, "x")


def test_an_address_in_unix_is_the_path_of_a_socket() -> None:
    url = parse("root:p@ss:/w@unix(/run/my/sql.sock)/x").url
    assert (url.password, url.host, url.query["unix_socket"]) == ("p@ss:/w", None, "/run/my/sql.sock")


def test_parameters_become_the_driver_s_arguments() -> None:
    query = parse(
        "u@/x?charset=utf8mb4,utf8&parseTime=True&timeout=1m30s&readTimeout=500ms&writeTimeout=0&tls=skip-verify"
        "&sql_mode=%27ANSI%27&interpolateParams=true"
    ).url.query
    assert dict(query) == {
        "charset": "utf8mb4",
        "connect_timeout": "90",
        "read_timeout": "1",
        "ssl_check_hostname": "false",
        "init_command": "SET sql_mode='ANSI'",
    }


def test_emoji_survive_where_no_charset_is_given() -> None:
    assert parse("u@/x").url.query["charset"] == "utf8mb4"


@pytest.mark.parametrize(
    ("parameters", "loc"), [("", "UTC"), ("?loc=UTC", "UTC"), ("?loc=Asia%2FShanghai", "Asia/Shanghai")]
)
def test_zone_is_the_one_of_loc(parameters: str, loc: str) -> None:
    dsn = parse(f"u@/x{parameters}")
    assert (dsn.loc, str(dsn.zone)) == (loc, loc)


def test_local_is_the_zone_of_the_machine() -> None:
    assert str(zone_named("Local", {"TZ": "Asia/Shanghai"})) == "Asia/Shanghai"
    assert str(zone_named("Local", {"TZ": ":Europe/Berlin"})) == "Europe/Berlin"
    assert zone_named("Local", {"TZ": "no/such"}) is timezone.utc


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("", "'/'"),
        ("localhost", "'/'"),
        ("u:secret@tcp(h:3306)/", "name"),
        ("u:secret@tcp(h:port)/x", "port"),
        ("u:secret@tcp(h:99999)/x", "65535"),
        ("u:secret@tcp(::1:3306)/x", "brackets"),
        ("u:secret@tcp(a..b)/x", "'a..b'; it must be a name or an IP address"),
        (f"u:secret@tcp({'é' * 64}:1)/x", "name or an IP address"),
        ("u:secret@/x?timeout=9999h", "at most 576h"),
        ("u:secret@pipe(x)/x", "tcp and unix"),
        ("u:secret@tcp(h:3306/x", "protocol(address)"),
        ("u:secret@/x?loc=Mars", "time zone"),
        ("u:secret@/x?tls=perhaps", "skip-verify"),
        ("u:secret@/x?timeout=fast", "duration"),
        ("u:secret@/x?a;b=1", "system variable"),
        ("u:secret@/x?charset", "no value"),
    ],
)
def test_fault_is_named_without_the_password(dsn: str, says: str) -> None:
    with pytest.raises(DsnError) as caught:
        parse(dsn)
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)
