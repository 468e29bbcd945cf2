"""The music library is found by an index, however many assets the projects have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from common.errors import NotFound
from models.asset import Asset, AssetKind
from service import music
from service.container import Services
from tests.integration.models.rows import NOW
from tests.support.database_work import counted, plans

OTHERS, PIECES = 2000, 5


def _asset(key: str, project_id: str, kind: AssetKind, number: int) -> dict[str, Any]:
    named = {"object_key": key, "project_id": project_id, "kind": kind, "number": number, "title": "calm"}
    return {**named, "created_at": NOW, "stored_at": NOW}


@pytest.fixture
def library(services: Services) -> Services:
    """A few pieces among the assets of many projects."""
    others = [_asset(f"projects/{n}/films/1.mp4", f"p{n}", AssetKind.FILM, 1) for n in range(OTHERS)]
    pieces = [_asset(f"music/{n}.mp3", "", AssetKind.MUSIC, n) for n in range(1, PIECES + 1)]
    with services.database.write() as session:
        session.execute(insert(Asset), [*others, *pieces])
    return services


def _found(services: Services, wanted: str) -> str:
    with services.database.read() as session:
        return music.music_id(music.find(session, wanted))


ASKED: dict[str, Callable[[Services], object]] = {
    "all": lambda services: len(music.all_music(services)) == PIECES,
    "one": lambda services: _found(services, "3") == "3",
}


@pytest.mark.parametrize("name", ASKED)
def test_music_is_found_by_an_index(library: Services, name: str) -> None:
    with counted(library.database) as work:
        assert ASKED[name](library)
    by_index: dict[str, tuple[str, ...]] = {
        "sqlite": ("SEARCH asset USING INDEX",),
        "mysql": ("ref", "range", "const"),
        "postgresql": ("Index Scan using asset_", "Index Scan Backward using asset_"),
    }
    assert any(plan.startswith(by_index[library.database.kind]) for plan in plans(library.database, work))
    assert work.reads < OTHERS // 10


@pytest.mark.parametrize("wanted", ["", "0", "03", "9", "3 ", "٣", "9" * 30, "1.mp3"])
def test_what_is_no_pieces_id_finds_none(library: Services, wanted: str) -> None:
    with pytest.raises(NotFound):
        _found(library, wanted)
