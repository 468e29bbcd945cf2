from __future__ import annotations

import pytest

from config import database_address
from config.go_dsn import DsnError


@pytest.mark.parametrize(
    ("text", "kind", "database"),
    [
        ("data/storytovideo.db", "sqlite", "data/storytovideo.db"),
        ("sqlite:///srv/films.db", "sqlite", "/srv/films.db"),
        ("u:p@ss@tcp(h:3306)/films?loc=Asia%2FShanghai", "mysql", "films"),
        ("mysql://u:p%40ss@h:3306/films?loc=Asia%2FShanghai", "mysql", "films"),
        ("postgresql://u:p%40ss@h/films", "postgresql", "films"),
    ],
)
def test_every_kind_of_database_is_named_by_its_address(text: str, kind: str, database: str) -> None:
    found = database_address.parse(text)
    assert (found.url.get_backend_name(), found.url.database) == (kind, database)
    assert (found.path is None) == (kind != "sqlite")
    assert str(found.zone) == ("Asia/Shanghai" if kind == "mysql" else "UTC")
    assert found.url.password == (None if kind == "sqlite" else "p@ss")


@pytest.mark.parametrize("text", ["", "oracle://u:hidden@h/d", "mysql://u:hidden@h", "u:hidden@tcp(h)"])
def test_an_address_of_no_kind_is_refused(text: str) -> None:
    with pytest.raises(DsnError) as caught:
        database_address.parse(text)
    assert "hidden" not in str(caught.value)
