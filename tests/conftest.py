"""Real services for every test that asks for one.

Redis is started for each process that runs tests; `tests.support.servers.redis_server` says which. MariaDB, PostgreSQL and MinIO, in which
every test has a database or a bucket of its own, are taken from the environment where S2V_TEST_MYSQL_DSN, S2V_TEST_POSTGRESQL and
S2V_TEST_MINIO are set, else started too.
A service that is not installed leaves its tests out, which the last line says; with CI=true it is a failure.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
import redis
from hypothesis import HealthCheck, settings
from sqlalchemy import URL

from config import postgresql_url
from config.go_dsn import parse
from config.settings import MinioSettings, RedisSettings
from tests.support.columns import Production
from tests.support.servers import postgresql_server
from tests.support.servers.mariadb_server import MariadbServer, fresh_database
from tests.support.servers.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer
from tests.support.servers.process import MissingServiceError
from tests.support.servers.redis_server import RedisServer

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"

# Hundreds of servers are started, each of which would compile all its modules anew: a sixth of a start. So would these tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# An example may take as long as it takes: the machine may be busy.
settings.register_profile("busy machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("busy machine"), max_examples=25)  # for `make check`
settings.load_profile("busy machine")


def pytest_configure() -> None:
    # A shell lets what it runs in the background ignore Ctrl-C, and the servers under test would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Thousands of tests that were collected stay: looking through them again and again took a quarter of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


UNEVEN = pytest.StashKey[list[str]]()
"""Tests that run less often over PostgreSQL than over MariaDB, but for what is about tables from before PostgreSQL came."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Count the columns' tests; `tests/integration/harness/test_columns.py` looks at that."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if not (item.get_closest_marker("mariadb_alone") or item.get_closest_marker("soak")):
            counts[item.nodeid.partition("[")[0]].update(
                COLUMN_OF[value] for value in values if isinstance(value, str) and value in COLUMN_OF
            )
    config.stash[UNEVEN] = [
        f"{name}: {dict(found)}" for name, found in counts.items() if found["postgresql"] < found["mariadb"]
    ]


COLUMN_OF = {
    "mariadb": "mariadb",
    "production": "mariadb",
    "postgresql": "postgresql",
    "production_on_postgresql": "postgresql",
}
"""The database of a test with this parameter."""


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """With CI=true nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and exitstatus == 0 and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line on what was left out."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = {report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple)}
    if reasons:
        terminalreporter.write_line(f"left out {len(skipped)} tests: {'; '.join(sorted(reasons))}", yellow=True)


def leave_out(reason: str) -> NoReturn:
    """End the running test because a service is missing: skipped here, failed in CI."""
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)  # reported in one line at the end, and a failure in CI


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[str]:
    try:
        server = RedisServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield server.url
    server.close()


@pytest.fixture
def redis_url(_redis_server: str) -> str:
    """The URL of an empty Redis database (TCP)."""
    with redis.Redis.from_url(_redis_server) as client:
        client.flushdb()
    return _redis_server


@pytest.fixture
def redis_settings(redis_url: str) -> RedisSettings:
    """The same as settings."""
    parts = urlsplit(redis_url)
    return RedisSettings(
        addr=f"{parts.hostname}:{parts.port}", password=parts.password or "", db=int(parts.path.strip("/") or 0)
    )


@pytest.fixture(scope="session")
def _mysql_server() -> Iterator[str]:
    given = os.environ.get("S2V_TEST_MYSQL_DSN")
    if given:
        yield given
        return
    try:
        server = MariadbServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield server.dsn()
    server.close()


@pytest.fixture
def mysql_dsn(_mysql_server: str) -> Iterator[str]:
    """The address, in the Go driver's form, of a fresh and empty database."""
    with fresh_database(_mysql_server) as dsn:
        yield dsn


@pytest.fixture
def mysql_url(mysql_dsn: str) -> URL:
    """The same as SQLAlchemy's URL."""
    return parse(mysql_dsn).url


@pytest.fixture(scope="session")
def _postgresql_server() -> Iterator[str]:
    given = os.environ.get("S2V_TEST_POSTGRESQL")
    if given:
        yield given
        return
    try:
        server = postgresql_server.PostgresqlServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield server.url()
    server.close()


@pytest.fixture(scope="session")
def _postgresql_template(_postgresql_server: str) -> Iterator[str]:
    with postgresql_server.template(_postgresql_server) as name:
        yield name


@pytest.fixture
def postgresql_database(_postgresql_server: str, _postgresql_template: str) -> Iterator[str]:
    """The address of a fresh database that has our tables."""
    with postgresql_server.fresh_database(_postgresql_server, _postgresql_template) as url:
        yield url


@pytest.fixture
def empty_postgresql(_postgresql_server: str) -> Iterator[URL]:
    """SQLAlchemy's URL of a fresh and empty database."""
    with postgresql_server.fresh_database(_postgresql_server) as url:
        yield postgresql_url.parse(url)


@pytest.fixture(scope="session")
def _minio_server() -> Iterator[tuple[MinioSettings, str]]:
    given = os.environ.get("S2V_TEST_MINIO")
    if given:
        endpoint, access_key, secret_key, console = given.split(",")
        yield MinioSettings(endpoint=endpoint, access_key=access_key, secret_key=secret_key), console
        return
    try:
        server = MinioServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield MinioSettings(endpoint=server.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY), server.console
    server.close()


@pytest.fixture(scope="session")
def minio_server_settings(_minio_server: tuple[MinioSettings, str]) -> MinioSettings:
    """A running MinIO. S2V_TEST_MINIO is `endpoint,access key,secret key,console's URL`."""
    return _minio_server[0]


@pytest.fixture(scope="session")
def minio_console(_minio_server: tuple[MinioSettings, str]) -> str:
    """The URL of its web console."""
    return _minio_server[1]


@pytest.fixture
def minio(minio_server_settings: MinioSettings) -> MinioSettings:
    """Settings with a bucket that is not there yet."""
    return minio_server_settings.model_copy(update={"bucket": f"s2v-test-{uuid.uuid4().hex[:12]}"})


@pytest.fixture(scope="module")
def minio_of_ours() -> Iterator[MinioServer]:
    """A MinIO of these tests' own, which they may stop and kill."""
    try:
        server = MinioServer()
    except MissingServiceError as error:
        leave_out(str(error))
    yield server
    server.close()


@pytest.fixture(scope="session")
def production(_mysql_server: str, _redis_server: str, minio_server_settings: MinioSettings) -> Production:
    """The services of the production column."""
    return Production(_mysql_server, _redis_server, minio_server_settings)


@pytest.fixture(scope="session")
def production_on_postgresql(production: Production, _postgresql_server: str) -> Production:
    """The same with PostgreSQL in MariaDB's place."""
    return replace(production, postgresql=_postgresql_server)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands set up logging for their process; the next test has its own."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _umask_as_it_was() -> Iterator[None]:
    """Commands change it for their process."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the tests are none of theirs."""
    for name in [name for name in os.environ if name.startswith("S2V_") and not name.startswith("S2V_TEST_")]:
        monkeypatch.delenv(name)
