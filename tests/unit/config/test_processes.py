"""How many processes serve."""

from __future__ import annotations

import pytest

from config import processes
from config.settings import MysqlSettings, ServerSettings, Settings

DSN = "u:p@tcp(db:3306)/films"


@pytest.mark.parametrize(
    ("cores", "dsn", "server", "expected"),
    [
        (4, "", {}, (1, 64)),
        (4, DSN, {}, (4, 16)),
        (1, DSN, {}, (1, 64)),
        (64, DSN, {}, (8, 8)),
        (64, DSN, {"threads": 256}, (32, 8)),
        (2, DSN, {"threads": 7}, (1, 7)),
        (1, "", {"processes": 2}, (2, 32)),
        (1, DSN, {"processes": 3}, (3, 22)),
    ],
)
def test_there_is_one_a_core_where_several_may_write_and_they_share_the_threads(
    monkeypatch: pytest.MonkeyPatch, cores: int, dsn: str, server: dict[str, int], expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(processes, "cores", lambda: cores)
    settings = Settings(mysql=MysqlSettings(dsn=dsn), server=ServerSettings.model_validate(server))
    shared = processes.shared_out(settings).server
    assert (shared.processes, shared.threads) == expected
    assert shared.max_sockets == settings.server.max_sockets
    assert (f"{expected[0]} web processes" in processes.described(settings)) == (expected[0] > 1)
