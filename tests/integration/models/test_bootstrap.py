from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import URL, inspect, text

from common.errors import DatabaseUnavailable
from config.settings import MysqlSettings, Settings
from models.bootstrap import FILE_NAME, open_database, open_server
from models.migrations import upgrades
from models.project import Project
from tests.integration.models.conftest import Open
from tests.integration.models.rows import info
from tests.support import go_backend
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[3]
NEWEST = str(upgrades()[-1].number)
OPEN_IT = """
import sys
from pathlib import Path
from zoneinfo import ZoneInfo
from sqlalchemy import make_url
from models.bootstrap import open_server, open_sqlite
url = make_url(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
if url.drivername == "sqlite":
    open_sqlite(Path(url.database)).close()
else:
    open_server(url, zone=ZoneInfo("Asia/Shanghai")).close()
"""


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("sqlite", "new"),
        pytest.param("sqlite", "go", marks=pytest.mark.soak),
        ("mariadb", "new"),
        pytest.param("mariadb", "go", marks=pytest.mark.mariadb_alone),
        ("postgresql", "new"),
    ],
    indirect=["url"],
)
def test_servers_that_start_at_once_do_not_collide(url: URL, open_url: Open, origin: str) -> None:
    if origin == "go":
        go_backend.load(url)
    command = [sys.executable, "-c", OPEN_IT, url.render_as_string(hide_password=False)]
    servers = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for server in servers:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
    for server in servers:
        assert server.stdin is not None
        server.stdin.write("\n")
        server.stdin.flush()
    errors = [server.communicate(timeout=120)[1] for server in servers]
    assert errors == [""] * 2
    with open_url(url).read() as session:
        assert (session.query(Project).count() > 0) == (origin == "go")


def test_a_new_database_is_in_utc_whatever_the_dsn_says(mysql_dsn: str) -> None:
    dsn = mysql_dsn.partition("?")[0] + "?parseTime=True&loc=Asia%2FShanghai"
    database = open_database(Settings(mysql=MysqlSettings(dsn=dsn)))
    assert info(database) == {"version": NEWEST, "zone": "UTC"}
    assert str(database.zone) == "UTC"
    database.close()


def test_without_a_dsn_the_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path / "made" / "here"))
    assert (tmp_path / "made" / "here" / FILE_NAME).is_file()
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    assert database.check().startswith("sqlite 3.")
    database.close()


def test_a_start_waits_for_the_server_that_makes_the_tables_just_now(mysql_url: URL) -> None:
    impatient = mysql_url.update_query_dict(
        {"read_timeout": "1"}
    )  # `readTimeout=1s` in the DSN is for queries, not for this
    began = time.monotonic()
    with go_backend.foreign_engine(mysql_url).connect() as other, ThreadPoolExecutor(1) as threads:
        name = {"name": f"storytovideo.schema.{mysql_url.database}"}
        assert other.scalar(text("SELECT GET_LOCK(:name, 0)"), name) == 1
        starting = threads.submit(open_server, impatient)
        wait_until(lambda: time.monotonic() - began > 1.5, timeout=30)
        assert not starting.done()
        assert inspect(other).get_table_names() == []
        other.execute(text("SELECT RELEASE_LOCK(:name)"), name)
        database = starting.result()
    assert info(database)["version"] == NEWEST
    database.close()


def test_a_start_does_not_wait_for_ever(mysql_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    with go_backend.foreign_engine(mysql_url).connect() as other:
        other.execute(text("SELECT GET_LOCK(:name, 0)"), {"name": f"storytovideo.schema.{mysql_url.database}"})
        with pytest.raises(DatabaseUnavailable, match="another server"):
            open_server(mysql_url)


def test_a_go_backend_that_still_runs_is_told_to_stop(mysql_url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.bootstrap.PATIENCE_S", 1)
    go_backend.load(mysql_url)
    with go_backend.foreign_engine(mysql_url).connect() as backend:
        backend.execute(text("SELECT * FROM task FOR UPDATE"))
        with pytest.raises(DatabaseUnavailable, match="stop the Go backend"):
            open_server(mysql_url)
    open_server(mysql_url).close()
