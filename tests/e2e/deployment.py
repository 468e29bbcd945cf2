"""Servers, processors and a model node, each a process of its own, as they are deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.errors import StorageError
from config.settings import DatabaseSettings, MinioSettings, MysqlSettings, Settings
from models.bootstrap import open_database
from models.db import Database
from runtime.stores import open_store
from service.oss import ObjectStore
from tests.support.columns import Production
from tests.support.server_process import ProcessorUnderTest, ServerUnderTest
from tests.support.servers.node_server import NodeServer


@dataclass
class Deployment:
    """What runs, and where it keeps things."""

    folder: Path
    settings: Mapping[str, object]
    servers: list[ServerUnderTest] = field(default_factory=list)
    processors: list[ProcessorUnderTest] = field(default_factory=list)

    def store(self) -> ObjectStore:
        """The processes' object storage."""
        return open_store(self._as_settings())

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The processes' database."""
        database = open_database(self._as_settings())
        try:
            yield database
        finally:
            database.close()

    def read_json(self, key: str) -> Any:
        """A stored JSON object."""
        with self.store().open(key) as stream:
            return json.load(stream)

    def start_server(self, number: int, *, port: int = 0) -> ServerUnderTest:
        """Start a server that runs no tasks; one that was killed may take its port again."""
        folder = self._folder(f"server-{number}")
        return ServerUnderTest(folder, self.settings, "--no-processor", port=port)

    def start_processor(self, number: int) -> ProcessorUnderTest:
        """Start a processor."""
        return ProcessorUnderTest(self._folder(f"processor-{number}"), self.settings)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def _as_settings(self) -> Settings:
        def section(name: str) -> dict[str, Any]:
            parts = {key.partition("."): value for key, value in self.settings.items()}
            return {key: value for (section, _, key), value in parts.items() if section == name}

        data_dir = self.servers[0].folder / "data"
        return Settings(
            data_dir=data_dir,
            mysql=MysqlSettings(**section("mysql")),
            database=DatabaseSettings(**section("database")),
            minio=MinioSettings(**section("minio")),
        )


@contextmanager
def embedded(folder: Path, settings: Mapping[str, object]) -> Iterator[Deployment]:
    """One server with everything embedded."""
    deployment = Deployment(folder, settings)
    with ServerUnderTest(folder, settings) as server:
        deployment.servers.append(server)
        yield deployment


@contextmanager
def all_in_one(folder: Path, column: Production, settings: Mapping[str, object]) -> Iterator[Deployment]:
    """One server that runs tasks too, over the production column."""
    with _over(column, folder, settings) as deployment, ServerUnderTest(folder, deployment.settings) as server:
        deployment.servers.append(server)
        yield deployment


@contextmanager
def apart(folder: Path, column: Production, settings: Mapping[str, object]) -> Iterator[Deployment]:
    """Two servers and two processors over the production column."""
    with _over(column, folder, settings) as deployment, ExitStack() as stack:
        deployment.servers += [deployment.start_server(number) for number in range(2)]
        deployment.processors += [deployment.start_processor(number) for number in range(2)]
        stack.callback(_kill_all, deployment)
        yield deployment


def _kill_all(deployment: Deployment) -> None:
    for process in (*deployment.servers, *deployment.processors):
        process.__exit__()


@contextmanager
def _over(column: Production, folder: Path, settings: Mapping[str, object]) -> Iterator[Deployment]:
    """The production column with a node process, unless the settings name a node."""
    with ExitStack() as stack:
        values = {**stack.enter_context(column.fresh()), **settings}
        if "worker.addr" not in values:
            node = NodeServer()
            stack.callback(node.close)
            values["worker.addr"] = node.addr
        deployment = Deployment(folder, values)
        yield deployment
        with suppress(StorageError):  # nothing was stored
            deployment.store().remove_prefix("projects/")
