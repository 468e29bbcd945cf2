"""The unit of work, and trying a use case again that was the victim of a deadlock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timezone, tzinfo
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Engine, Executable, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

from common.errors import DatabaseUnavailable, DiskFull
from common.request_id import waited
from models import touched
from models.driver_errors import is_away, is_conflict, is_full
from models.row_versions import RowVersions

P = ParamSpec("P")
T = TypeVar("T")

CONFLICT_ATTEMPTS = 6
# Bounds of the first pause and of every one, which are drawn at random: those who collided once are not to collide again.
FIRST_PAUSE_S = 0.04
LONGEST_PAUSE_S = 1.0


class Database:
    """Sessions over one engine. Nothing connects until the first one is used.

    `read()` and `write()` are units of work: what is not committed by leaving the block is rolled back. On SQLite a write takes the
    database's lock at its start (BEGIN IMMEDIATE), so that two writers queue up instead of failing; elsewhere READ COMMITTED lets a
    guarded UPDATE see what others committed. A write that was in another's way fails (`is_conflict`); see `retrying`. `fetch` is a single
    statement, by connections of `reads`, which commit by themselves: on a database server it takes one round trip.
    """

    def __init__(
        self,
        engine: Engine,
        zone: tzinfo = timezone.utc,
        reads: Engine | None = None,
        versions: RowVersions | None = None,
    ) -> None:
        self.engine = engine
        self.reads = engine if reads is None else reads
        for each in {self.engine, self.reads}:
            each.hide_parameters = True  # what is logged of a statement that fails holds no values: some are secrets
            _measure(each)
        self.set_zone(zone)
        self._read = sessionmaker(engine, expire_on_commit=False)
        self._write = sessionmaker(engine.execution_options(s2v_write=True), expire_on_commit=False)
        self.keep_versions(versions)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @property
    def kind(self) -> str:
        """ "sqlite", "mysql" (MariaDB too) or "postgresql"."""
        return self.engine.dialect.name

    def set_zone(self, zone: tzinfo) -> None:
        """Say which zone the DATETIME columns hold: UTC, or that of the Go backend whose database this was."""
        self.zone = zone
        for engine in (self.engine, self.reads):
            engine.dialect.database_zone = zone  # type: ignore[attr-defined]  # read by models.types.Timestamp

    def keep_versions(self, versions: RowVersions | None) -> None:
        """Tell this table of every commit from now on."""
        self.versions = versions
        self.on_change: Callable[[frozenset[int]], object] = lambda _slots: None  # called after each
        if versions is not None:
            touched.watch(self._write)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is never committed."""
        with translated(), self._read() as session:
            yield session

    def fetch(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a SELECT. It is made again where its connection turns out to be one that the server has closed since."""
        with translated():
            try:
                return self._fetched(statement, parameters)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
                return self._fetched(statement, parameters)

    def _fetched(self, statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Any]:
        with self.reads.connect() as connection:
            return connection.execute(statement, parameters).all()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that is committed when the block ends without an exception."""
        with translated(), self._write() as session:
            yield session
            session.flush()  # from here on it is known what has changed
            slots = touched.slots(session)
            if self.versions is None or not slots:
                session.commit()
                return
            try:
                with self.versions.changing(slots):
                    session.commit()
            finally:
                self.on_change(slots)

    def check(self) -> str:
        """The server's name and version; raises `DatabaseUnavailable`."""
        query = "SELECT sqlite_version()" if self.is_sqlite else "SELECT VERSION()"
        with self.read() as session:
            return f"{self.engine.dialect.name} {session.scalar(text(query))}"

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        self.reads.dispose()
        if self.versions is not None:
            self.versions.close()
            self.versions = None


def _measure(engine: Engine) -> None:
    """Note how long statements take, for whatever request they are made."""

    def began(_connection: Any, _cursor: Any, _sql: Any, _parameters: Any, context: Any, _many: Any) -> None:
        context.s2v_began = time.perf_counter()

    def ended(_connection: Any, _cursor: Any, _sql: Any, _parameters: Any, context: Any, _many: Any) -> None:
        waited(time.perf_counter() - context.s2v_began)

    event.listen(engine, "before_cursor_execute", began)
    event.listen(engine, "after_cursor_execute", ended)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the drivers' "cannot reach it" into `DatabaseUnavailable`, and "no room" into `DiskFull`; the driver's words stay in its
    `__cause__`, for the log.
    """
    try:
        yield
    except DBAPIError as error:
        if is_full(error):
            raise DiskFull("数据库的磁盘空间不足或读写出错") from error
        if not is_away(error):
            raise
        raise DatabaseUnavailable("数据库暂时不可用，请稍后重试") from error
    except PoolTimeout as error:
        raise DatabaseUnavailable("数据库连接已用尽，请稍后重试") from error


def retrying(function: Callable[P, T]) -> Callable[P, T]:
    """Retry the function, with random backoff, while its unit of work ends in a deadlock or a lock wait timeout.

    Nothing of such a unit of work is stored; whatever must happen once (enqueueing, a request to the node) stands behind it in the
    function, and so has not happened either.
    """

    return retry(
        retry=retry_if_exception(lambda error: isinstance(error, DatabaseUnavailable) and is_conflict(error.__cause__)),
        stop=stop_after_attempt(CONFLICT_ATTEMPTS),
        wait=wait_random_exponential(FIRST_PAUSE_S, LONGEST_PAUSE_S),
        reraise=True,
    )(function)
