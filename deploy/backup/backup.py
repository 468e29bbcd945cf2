"""Backup and restore of everything that is kept: the database's rows, the stored objects, and the secret of `data_dir`.

    python deploy/backup/backup.py save FOLDER         a snapshot below FOLDER; objects are copied once for all snapshots
    python deploy/backup/backup.py restore FOLDER/NAME into an empty database

It needs no program but this server's own, reads while the server works, and knows every database and storage that the server knows. Redis
holds nothing that is not in the database: a queue that starts empty is filled from there.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import click
from sqlalchemy import JSON, Column, Connection, MetaData, Table, event, func, select, tuple_

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from common.errors import ObjectNotFound, StoryToVideoError  # noqa: E402 - the server's own modules lie beside deploy/
from common.hashing import measure  # noqa: E402
from common.private_files import restrict  # noqa: E402
from common.secret_file import SECRET_FILE  # noqa: E402
from config.load import ConfigError, load  # noqa: E402
from config.settings import Settings  # noqa: E402
from models.bootstrap import open_database  # noqa: E402
from models.db import Database  # noqa: E402
from models.types import StoredJson  # noqa: E402
from runtime.data_dir import protect  # noqa: E402
from runtime.stores import open_store  # noqa: E402
from service.oss import ObjectStore  # noqa: E402

MANIFEST, POOL, ROWS = "manifest.json", "objects", "rows"
VERSIONS = "schema_info"  # what upgrades have run: the new database says it of itself
CHUNK = 1000
Json = dict[str, Any]
Say = Callable[[str], object]


class BackupError(Exception):
    """What is wrong, and what to do."""


@dataclass(frozen=True)
class Stores:
    """What is saved."""

    settings: Settings
    database: Database
    objects: ObjectStore


def save(stores: Stores, folder: Path, say: Say) -> Path:
    """A new snapshot below `folder`; it has its name only once it is whole. Rows are those of one moment, objects are of that or later."""
    name = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    draft = folder / f"{name}.partial"
    (draft / ROWS).mkdir(parents=True)
    with _snapshot(stores.database) as connection:
        tables = _tables(connection)
        schema = _schema(connection, tables)
        counts = {
            table.name: _dump(connection, table, draft / ROWS / f"{table.name}.jsonl.gz")
            for table in tables.values()
            if table.name != VERSIONS
        }
    objects = [_keep(stores.objects, key, folder / POOL) for key in stores.objects.list("")]
    secret = stores.settings.data_dir / SECRET_FILE
    if secret.exists():
        shutil.copy2(secret, draft / SECRET_FILE)
    known = [known for known in objects if known is not None]
    manifest = {"schema": schema, "tables": counts, "objects": known, "secret": secret.exists()}
    (draft / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), "utf-8")
    say(f"{sum(counts.values())} rows of {len(counts)} tables, {len(known)} objects")
    return draft.rename(folder / name)


def prune(folder: Path, keep: int) -> None:
    """Leave the newest snapshots, and of the objects those that one of them names."""
    found = sorted(path.parent for path in folder.glob(f"*Z/{MANIFEST}"))
    for old in found[: max(0, len(found) - keep)]:
        shutil.rmtree(old)
    named = {entry["key"] for path in folder.glob(f"*Z/{MANIFEST}") for entry in _manifest(path.parent)["objects"]}
    pool = folder / POOL
    for path in [path for path in pool.rglob("*") if path.is_file()]:
        if path.relative_to(pool).as_posix() not in named:
            path.unlink()


def restore(stores: Stores, snapshot: Path, say: Say) -> None:
    """Everything back to where it was. Raises `BackupError` before anything is changed where it would not fit."""
    manifest, pool = _manifest(snapshot), snapshot.parent / POOL
    damaged = [entry["key"] for entry in manifest["objects"] if not _is_whole(pool / entry["key"], entry)]
    if damaged:
        raise BackupError(f"{len(damaged)} objects of the backup are missing or damaged: {', '.join(damaged[:5])}")
    with stores.database.engine.execution_options(s2v_write=True).begin() as connection:
        tables = _tables(connection)
        _check_that_it_fits(connection, tables, manifest)
        for name in [name for name in tables if name in manifest["tables"]]:
            _load(connection, tables[name], snapshot / ROWS / f"{name}.jsonl.gz")
        versions = tables[VERSIONS]  # the zone that the times are in
        zone = manifest["schema"]["zone"]
        connection.execute(versions.update().where(versions.c.name == "zone").values(value=zone))
        counts = {name: _count(connection, tables[name]) for name in manifest["tables"]}
        if counts != manifest["tables"]:
            raise BackupError(f"the rows are not those of the backup: {counts} instead of {manifest['tables']}")
    for entry in manifest["objects"]:
        stores.objects.put_file(
            entry["key"], pool / entry["key"], content_type=entry["content_type"], metadata=entry["metadata"]
        )
    say(f"{sum(counts.values())} rows of {len(counts)} tables, {len(manifest['objects'])} objects are back")


def _tables(connection: Connection) -> dict[str, Table]:
    """All tables as the database has them, those that others refer to first."""
    found = MetaData()

    @event.listens_for(found, "column_reflect")
    def _as_text(_inspector: Any, _table: Table, column: Any) -> None:
        if isinstance(column["type"], JSON) and connection.dialect.name == "postgresql":
            column["type"] = StoredJson()  # as the others have it

    found.reflect(connection)
    return {table.name: table for table in found.sorted_tables}


def _schema(connection: Connection, tables: Mapping[str, Table]) -> dict[str, str]:
    return {str(name): str(value) for name, value in connection.execute(select(tables[VERSIONS]))}


def _check_that_it_fits(connection: Connection, tables: Mapping[str, Table], manifest: Json) -> None:
    version, made = manifest["schema"]["version"], _schema(connection, tables)["version"]
    if version != made:
        raise BackupError(
            f"the backup is of tables of version {version}, this server makes {made}: restore with the server that made it"
        )
    full = [name for name, table in tables.items() if name != VERSIONS and _count(connection, table)]
    if full:
        raise BackupError(f"the database is not empty ({', '.join(full)}): restore into a new one")


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """A connection that sees the rows of one moment."""
    engine = (
        database.engine if database.is_sqlite else database.engine.execution_options(isolation_level="REPEATABLE READ")
    )
    with engine.connect() as connection:
        yield connection


def _count(connection: Connection, table: Table) -> int:
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _dump(connection: Connection, table: Table, path: Path) -> int:
    """Write a table's rows, a JSON list a line; returns how many there are."""
    count = 0
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for row in _rows(connection, table):
            file.write(json.dumps([_written(value) for value in row], ensure_ascii=False) + "\n")
            count += 1
    return count


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[Any]]:
    """A table's rows in the order of its key, some at a time: no statement takes long, and no table need fit into memory."""
    key: list[Column[Any]] = list(table.primary_key.columns)
    places = [list(table.columns).index(column) for column in key]
    query = select(table).order_by(*key).limit(CHUNK)
    chunk = connection.execute(query).all()
    while chunk:
        yield from chunk
        last = [chunk[-1][place] for place in places]
        chunk = connection.execute(query.where(tuple_(*key) > tuple_(*last))).all()


def _load(connection: Connection, table: Table, path: Path) -> None:
    names = [column.name for column in table.columns]
    with gzip.open(path, "rt", encoding="utf-8") as file:
        while lines := list(islice(file, CHUNK)):
            rows = [dict(zip(names, map(_read, json.loads(line)), strict=True)) for line in lines]
            connection.execute(table.insert(), rows)


def _written(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, datetime):
        return {"$": ["time", value.isoformat()]}
    if isinstance(value, date):
        return {"$": ["date", value.isoformat()]}
    if isinstance(value, Decimal):
        return {"$": ["number", str(value)]}
    if isinstance(value, bytes):
        return {"$": ["bytes", value.hex()]}
    return value


def _read(value: Any) -> Any:
    if not isinstance(value, dict) or set(value) != {"$"}:
        return value
    kind, text = value["$"]
    return READ[kind](text)


READ: Mapping[str, Callable[[str], Any]] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "number": Decimal,
    "bytes": bytes.fromhex,
}


def _keep(store: ObjectStore, key: str, pool: Path) -> Json | None:
    """See that the pool has the object; None where it was removed meanwhile."""
    target = pool / key
    try:
        known = store.stat(key)
        entry: Json = {"key": key, "content_type": known.content_type, "metadata": dict(known.metadata)}
        if known.sha256 and _is_whole(target, {"size": known.size, "sha256": known.sha256}):
            return {**entry, "size": known.size, "sha256": known.sha256}
        draft = target.with_name(f"{target.name}~")  # no key holds a tilde
        draft.parent.mkdir(parents=True, exist_ok=True)
        with store.open(key) as stream, draft.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    except ObjectNotFound:
        return None
    with draft.open("rb") as file:
        size, sha256 = measure(file)
    if known.sha256 and known.sha256 != sha256:
        raise BackupError(f"{key}: its bytes are not those that were stored")
    draft.replace(target)
    return {**entry, "size": size, "sha256": sha256}


def _is_whole(path: Path, entry: Mapping[str, Any]) -> bool:
    if not path.is_file() or path.stat().st_size != entry["size"]:
        return False
    with path.open("rb") as file:
        return bool(measure(file)[1] == entry["sha256"])


def _put_secret(kept: Path, place: Path) -> None:
    if place.exists() and place.read_bytes() != kept.read_bytes():
        raise BackupError(
            f"{place} is another than the backup's: links and logins of then hold by that one only; remove it"
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(kept.read_bytes())


def _manifest(snapshot: Path) -> Json:
    try:
        found: Json = json.loads((snapshot / MANIFEST).read_text("utf-8"))
    except OSError as error:
        raise BackupError(f"{snapshot} is no backup: {error.strerror}") from error
    return found


@contextmanager
def _opened(settings: Settings) -> Iterator[Stores]:
    restrict()
    protect(settings)
    database = open_database(settings)
    try:
        store = open_store(settings)
        store.check()
        yield Stores(settings, database, store)
    finally:
        database.close()


@click.group()
@click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), default=None)
@click.pass_context
def cli(context: click.Context, path: Path | None) -> None:
    """Back up and restore what the server keeps."""
    default = Path("config.yaml")
    context.obj = load(path or (default if default.is_file() else None), os.environ).settings


@cli.command("save")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--keep", type=click.IntRange(1), help="Leave so many of the newest snapshots.")
@click.pass_obj
def save_command(settings: Settings, folder: Path, keep: int | None) -> None:
    """A snapshot below FOLDER, whose name is printed."""
    with _opened(settings) as stores:
        made = save(stores, folder, lambda text: click.echo(text, err=True))
    if keep:
        prune(folder, keep)
    click.echo(made)


@cli.command("restore")
@click.argument("snapshot", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.pass_obj
def restore_command(settings: Settings, snapshot: Path) -> None:
    """Everything of SNAPSHOT back, into an empty database."""
    if _manifest(snapshot)["secret"]:  # before a store is opened, which would draw another
        _put_secret(snapshot / SECRET_FILE, settings.data_dir / SECRET_FILE)
    with _opened(settings) as stores:
        restore(stores, snapshot, lambda text: click.echo(text, err=True))


if __name__ == "__main__":
    try:
        cli()
    except (BackupError, ConfigError, StoryToVideoError) as error:
        click.echo(f"backup: {error}", err=True)
        sys.exit(1)
