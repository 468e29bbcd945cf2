"""What `main.py doctor` says of the production column, with each service up and down."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.go_dsn import parse
from config.load import load
from runtime import doctor
from service.oss.minio import MinioStore
from tests.support import go_backend
from tests.support.columns import Production
from tests.support.node.stand_in import StandInNode

Values = dict[str, object]
NOBODY = "127.0.0.1:9"


@pytest.fixture
def column(production: Production, tmp_path: Path) -> Iterator[Values]:
    """The dotted settings of a column where everything answers; its tables are the Go backend's."""
    with StandInNode() as node, production.fresh() as values:
        go_dsn = str(values["mysql.dsn"]).replace("loc=UTC", "loc=Asia%2FShanghai")
        go_backend.load(parse(go_dsn).url)
        more = {"worker.addr": node.addr, "server.port": "127.0.0.1:0", "data_dir": tmp_path}
        yield {**values, "mysql.dsn": go_dsn, **more}


def examined(values: Values, folder: Path) -> tuple[int, list[str]]:
    """The exit status and the lines, with a Go backend's file in the folder."""
    file = folder / "config" / "config.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("worker_pool: 3\nserver: {port: ':1', mode: debug}\n", "utf-8")
    environment = {f"S2V_{key.replace('.', '_').upper()}": str(value) for key, value in values.items()}
    lines: list[str] = []
    status = doctor.examine(
        load(folder / "config" / "config.yaml", environment), lambda text: lines.extend(text.splitlines())
    )
    return status, lines


def states(lines: list[str]) -> dict[str, str]:
    """ "ok" or "FAIL" by check."""
    marked = [line for line in lines if line.startswith("[")]
    return {line.split("]")[1].split(":")[0].strip(): line[1:].split("]")[0] for line in marked}


def test_all_is_well_where_everything_answers(column: Values, tmp_path: Path) -> None:
    status, lines = examined(column, tmp_path)
    assert status == 0, lines
    assert states(lines) == dict.fromkeys(doctor.CHECKS, "ok")
    text = "\n".join(lines)
    assert "All checks passed." in text
    assert "upgraded in place at the next start, times in the zone Asia/Shanghai" in text
    for service in ("redis.addr", "minio.endpoint", "minio.bucket", "worker.addr"):
        assert str(column[service]) in text


def test_what_was_understood_is_told_without_secrets(column: Values, tmp_path: Path) -> None:
    hidden = {"minio.secret_key": "hidden-by-all-means", "worker.webhook_secret": "hidden-too"}
    _, lines = examined({**column, **hidden, "redis.password": ""}, tmp_path)
    text = "\n".join(lines)
    assert "hidden" not in text
    assert f"Configuration files: {tmp_path / 'config' / 'config.yaml'}" in text
    warnings = [line for line in lines if "warning" in line]
    assert len(warnings) == 2
    assert "worker_pool is not a setting" in warnings[0]
    assert "server.mode is not a setting" in warnings[1]
    assert "  server.port = '127.0.0.1:0'" in lines, "the environment stands above the file"
    assert "  mysql.dsn = " in text
    assert "loc=Asia%2FShanghai" in text


@pytest.mark.parametrize(
    ("down", "check", "hint"),
    [
        ({"mysql.dsn": f"root:@tcp({NOBODY})/s2v"}, "database", "mysql.dsn"),
        ({"redis.addr": NOBODY}, "queue", "redis.addr"),
        ({"minio.endpoint": NOBODY}, "storage", "minio."),
        ({"minio.secret_key": "wrong-secret"}, "storage", "minio."),
        ({"worker.addr": NOBODY}, "node", "worker.addr"),
        ({"worker.addrs": NOBODY}, "node", "worker.addrs"),
        ({"film.font": "/nowhere/font.otf"}, "font", "film.font"),
        ({"film.font": __file__}, "font", "film.font"),
        ({"server.port": "192.0.2.1:8080"}, "address", "server.port"),
    ],
    ids=["database", "queue", "storage", "storage's secret", "node", "one of two nodes", "font", "no font", "address"],
)
def test_one_that_is_down_is_named_with_what_to_do_and_the_others_are_still_looked_at(
    column: Values, tmp_path: Path, down: Values, check: str, hint: str
) -> None:
    status, lines = examined({**column, **down}, tmp_path)
    assert status == 1
    assert states(lines) == {**dict.fromkeys(doctor.CHECKS, "ok"), check: "FAIL"}
    at = next(number for number, line in enumerate(lines) if line.startswith("[FAIL]"))
    assert any(hint in line for line in lines[at : at + 3])
    assert lines[-1] == f"1 of {len(doctor.CHECKS)} checks failed."


def test_a_look_changes_nothing(column: Values, tmp_path: Path, production: Production) -> None:
    url = parse(str(column["mysql.dsn"])).url
    before = {table: go_backend.rows(url, table) for table in go_backend.COLUMNS}
    _, lines = examined(column, tmp_path)
    assert {table: go_backend.rows(url, table) for table in go_backend.COLUMNS} == before
    with go_backend.foreign_engine(url).connect() as connection:
        columns = connection.exec_driver_sql("SHOW COLUMNS FROM task").all()
    assert "lease_owner" not in {column[0] for column in columns}
    bucket = str(column["minio.bucket"])
    assert not MinioStore(production.minio.model_copy(update={"bucket": bucket})).exists()
    assert f"[ok]   storage: bucket {bucket} at {column['minio.endpoint']}: is made at the next start" in lines


def test_a_look_at_nothing_makes_nothing(tmp_path: Path) -> None:
    status, lines = examined({"data_dir": tmp_path / "not" / "yet", "server.port": "127.0.0.1:0"}, tmp_path)
    assert status == 0, lines
    assert not (tmp_path / "not").exists()
    (tmp_path / "file").write_text("")
    status, lines = examined({"data_dir": tmp_path / "file" / "data", "server.port": "127.0.0.1:0"}, tmp_path)
    assert status == 1
    assert states(lines)["storage"] == "FAIL"
