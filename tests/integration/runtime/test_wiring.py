"""Building the parts."""

from __future__ import annotations

import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timezone
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from common.errors import DependencyError, QueueUnavailable
from config.settings import MinioSettings, MysqlSettings, RedisSettings, Settings, WorkerSettings
from models.db import Database
from models.row_versions import NAME
from runtime.stores import open_store
from runtime.wiring import open_redis, open_services, reopen_services
from service.broker import TaskQueue
from tests.support.servers.process import silent_port

NODE = WorkerSettings(addr="127.0.0.1:9")


def test_all_parts_open_over_the_embedded_column(tmp_path: Path, redis_settings: RedisSettings) -> None:
    services = open_services(Settings(data_dir=tmp_path, redis=redis_settings, worker=NODE))
    assert services.database.check().startswith("sqlite")
    assert services.queue.check().startswith(("redis", "valkey"))
    services.close()


def test_all_parts_open_over_the_production_column(
    tmp_path: Path, redis_settings: RedisSettings, mysql_dsn: str, minio: MinioSettings
) -> None:
    settings = Settings(
        data_dir=tmp_path / "none", redis=redis_settings, mysql=MysqlSettings(dsn=mysql_dsn), minio=minio, worker=NODE
    )
    services = open_services(settings)
    assert services.database.check().startswith("mysql")
    services.close()
    assert [path.name for path in (tmp_path / "none").glob("*") if not path.name.startswith(NAME)] == []


def test_a_process_that_is_started_anew_connects_to_nothing_that_may_be_away(tmp_path: Path) -> None:
    """Else a server would end because one of its processes died while the database did not answer."""
    mysql, redis = MysqlSettings(dsn="u:p@tcp(127.0.0.1:1)/x"), RedisSettings(addr="127.0.0.1:1")
    minio = MinioSettings(endpoint="127.0.0.1:1")
    settings = Settings(data_dir=tmp_path, redis=redis, mysql=mysql, minio=minio, worker=NODE)
    services = reopen_services(settings, timezone.utc)
    with pytest.raises(DependencyError):
        services.database.check()
    services.close()


@pytest.mark.parametrize("given", [{"secret_key": "wrong-secret-key"}, {"bucket": "192.168.1.1"}])
def test_an_object_storage_that_refuses_us_is_named_with_its_settings(
    tmp_path: Path, redis_settings: RedisSettings, minio: MinioSettings, given: dict[str, str]
) -> None:
    wrong = minio.model_copy(update=given)
    with pytest.raises(DependencyError, match=r"bucket .* cannot be used .*see minio\.\*"):
        open_services(Settings(data_dir=tmp_path, redis=redis_settings, minio=wrong, worker=NODE))


def test_what_is_open_is_closed_where_a_later_part_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    close = Database.close

    def noted(database: Database) -> None:
        closed.append(database.check())
        close(database)

    monkeypatch.setattr(Database, "close", noted)
    with silent_port() as port, pytest.raises(DependencyError, match="does not answer"):
        open_services(Settings(data_dir=tmp_path, redis=RedisSettings(addr=f"127.0.0.1:{port}"), worker=NODE))
    assert [name.split()[0] for name in closed] == ["sqlite"]


def test_redis_settings_reach_the_server(redis_settings: RedisSettings) -> None:
    with open_redis(redis_settings) as client:
        assert client.ping()


def test_a_database_that_redis_does_not_have_is_named(tmp_path: Path, redis_settings: RedisSettings) -> None:
    """How many there are, only redis.conf says."""
    beyond = redis_settings.model_copy(update={"db": 1_000_000})
    with pytest.raises(DependencyError, match=r"redis at .*out of range"):
        open_services(Settings(data_dir=tmp_path, redis=beyond, worker=NODE))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX], ids=["tcp", "unix"])
def test_a_redis_that_hangs_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: socket.AddressFamily
) -> None:
    """It takes connections and never answers; a request must not wait for it for ever."""
    monkeypatch.setattr("runtime.wiring.ANSWER_S", 0.1)
    with socket.socket(family) as hung:
        hung.bind(("127.0.0.1", 0) if family is socket.AF_INET else str(tmp_path / "redis.sock"))
        hung.listen()
        name = hung.getsockname()
        addr = f"unix://{name}" if isinstance(name, str) else f"127.0.0.1:{name[1]}"
        with open_redis(RedisSettings(addr=addr)) as client, pytest.raises(RedisError):
            client.publish("channel", "message")
        with open_redis(RedisSettings(addr=addr)) as client, pytest.raises(QueueUnavailable):
            TaskQueue(client, "queue").enqueue("task")


def test_secret_is_drawn_once_private_and_kept(tmp_path: Path) -> None:
    """Servers that start together must sign alike."""
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: open_store(Settings(data_dir=tmp_path)), range(8)))
    links = {store.url("projects/a/films/1.mp4", "http://h") for store in stores}
    assert len(links) == 1
    secret = tmp_path / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_text()) >= 64
    assert [path.name for path in tmp_path.glob("secret*")] == ["secret"]


def test_data_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DependencyError, match="make data_dir writable"):
        open_store(Settings(data_dir=tmp_path / "file"))
