"""What is kept beyond its time, and what belongs to nothing: counted, and removed where that is wanted.

Nothing younger than a day is looked at, by the clock of the database or of the store: what is being made has its row before its object.
An object that no row names is not removed here, but handed to the outbox (`models.outbox`), whose remover looks once more whether a row
names it. Rows whose object is missing are told and stay: a disk that is not mounted has lost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice
from typing import Any, TypeVar

from config.settings import Settings
from models import idempotency, leftovers, outbox, queries, webhook
from models.database_clock import database_now, milliseconds
from models.db import Database, retrying
from service.film.cache import Cache
from service.oss import Listed, ObjectStore, keys, links
from service.workflow.once import KEPT

YOUNG = timedelta(days=1)
PAGE = 500
OURS = ("projects/", "music/")  # what lies elsewhere in the bucket, somebody else put there
HASHED = "id-"  # a folder of a project whose id is no key: which one cannot be told
EXAMPLES = 5
DAY_S = 86_400.0

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """How much there is of one kind of leftovers, and how much of it was removed. `size` is in bytes, where it is known."""

    kind: str
    found: int = 0
    removed: int = 0
    size: int = 0
    examples: tuple[str, ...] = ()

    def in_words(self) -> str:
        """For a person."""
        size = f" ({self.size / (1 << 20):.1f} MiB)" if self.size else ""
        such_as = f", such as {', '.join(self.examples)}" if self.examples else ""
        return f"{self.kind}: {self.found}{size}" + (f", {self.removed} removed" if self.removed else "") + such_as

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return asdict(self)


@dataclass(frozen=True)
class Stores:
    """What is tidied."""

    settings: Settings
    database: Database
    objects: ObjectStore


def tidy(stores: Stores, *, rows: bool, objects: bool) -> Iterator[Finding]:
    """Look for every kind, one after the other. `rows`: what is kept beyond its time goes; `objects`: those that no row names go, too."""
    with stores.database.read() as session:
        now = database_now(session)
    yield _tasks(stores, now, remove=rows)
    yield _deliveries(stores, now, remove=rows)
    yield _keys_of_requests(stores, now, remove=rows)
    yield _deletions(stores)
    yield from caches(stores.settings, remove=rows)
    if not stores.objects.exists():  # nothing was stored yet, or the disk is not mounted
        return
    yield _objects_without_a_row(stores, remove=objects)
    yield _rows_without_an_object(stores, now)


def _tasks(stores: Stores, now: datetime, *, remove: bool) -> Finding:
    days = stores.settings.keep.tasks_days
    if not days:
        return Finding("tasks")
    before, after, found, removed = now - timedelta(days=days), "", 0, 0
    while True:
        with stores.database.read() as session:
            page = leftovers.old_tasks(session, before, after, PAGE)
        if not page:
            return Finding("tasks", found, removed)
        found, after = found + len(page), page[-1].id
        if remove:
            removed += _drop_tasks(stores, page, before)


def _drop_tasks(stores: Stores, page: Sequence[leftovers.OldTask], before: datetime) -> int:
    @retrying
    def of_project(project_id: str, ids: list[str]) -> int:
        with stores.database.write() as session:
            queries.lock_deleted_too(session, project_id)  # whoever gives the project work waits
            return leftovers.drop_tasks(session, project_id, ids, before)

    by_project = groupby(sorted(page, key=lambda task: task.project_id), key=lambda task: task.project_id)
    return sum(of_project(project_id, [task.id for task in tasks]) for project_id, tasks in by_project)


def _deliveries(stores: Stores, now: datetime, *, remove: bool) -> Finding:
    kept = max(YOUNG, timedelta(days=stores.settings.webhooks.keep_days))
    with stores.database.read() as session:
        found = leftovers.old_deliveries(session, now - kept)
    removed = (
        _until_none(stores, lambda session: webhook.forget(session, kept=kept, now=now, limit=PAGE)) if remove else 0
    )
    return Finding("webhook deliveries", max(found, removed), removed)


def _keys_of_requests(stores: Stores, now: datetime, *, remove: bool) -> Finding:
    before = now - max(YOUNG, KEPT)
    with stores.database.read() as session:
        found = leftovers.old_keys_of_requests(session, before)
    removed = _until_none(stores, lambda session: idempotency.forget(session, before, PAGE)) if remove else 0
    return Finding("idempotency keys", max(found, removed), removed)


def _until_none(stores: Stores, forget: Callable[[Any], int]) -> int:
    @retrying
    def some() -> int:
        with stores.database.write() as session:
            return forget(session)

    removed = 0
    while count := some():
        removed += count
    return removed


def _deletions(stores: Stores) -> Finding:
    """What was deleted over an hour ago goes by the processor's remover; it is there while no processor runs."""
    with stores.database.read() as session:
        return Finding("ended deletions", leftovers.ended_deletions(session, milliseconds(session)))


def caches(settings: Settings, *, remove: bool) -> Iterator[Finding]:
    """What this machine keeps to be quicker."""
    age_s = max(YOUNG.total_seconds(), settings.film.cache_days * DAY_S)
    for kind, folder in (("film cache", "film"), ("thumbnails", "thumbnails")):
        cache = Cache(settings.data_dir / "cache" / folder)
        found, size = cache.old(age_s)
        removed = cache.prune(1 << 62, age_s) if remove and found else 0
        yield Finding(kind, found, removed, size)


def _objects_without_a_row(stores: Stores, *, remove: bool) -> Finding:
    before = stores.objects.now() - YOUNG
    found, removed, size = 0, 0, 0
    examples: list[str] = []
    for prefix in OURS:
        old = (entry for entry in stores.objects.entries(prefix) if entry.stored_at < before)
        for page in _pages(old):
            orphans = _orphans(stores, page)
            found, size = found + len(orphans), size + sum(entry.size for entry in orphans)
            examples += [entry.key for entry in orphans[: EXAMPLES - len(examples)]]
            if remove and orphans:
                removed += _hand_over(stores, orphans)
    return Finding("objects without a row", found, removed, size, tuple(examples))


def _orphans(stores: Stores, page: Sequence[Listed]) -> list[Listed]:
    """Those of the objects that nothing names: no asset, no film of which they are parts, no project, no shot; and nobody removes them."""
    owners = {entry.key: keys.main_of(entry.key) for entry in page}
    with stores.database.read() as session:
        known = leftovers.known_keys(session, {*owners, *owners.values()})
        left = [entry for entry in page if not known & {entry.key, owners[entry.key]}]
        left = [entry for entry in left if not _project_of(entry.key).startswith(HASHED)]
        bucket = stores.objects.bucket
        for project_id in {_project_of(entry.key) for entry in left}:
            names = (links.key_of(name, bucket) for name in queries.stored_names(session, project_id))
            known |= {keys.main_of(key) for key in names if key is not None}
    return [entry for entry in left if owners[entry.key] not in known]


def _hand_over(stores: Stores, orphans: Sequence[Listed]) -> int:
    @retrying
    def write() -> None:
        with stores.database.write() as session:
            for project_id, entries in groupby(
                sorted(orphans, key=lambda entry: entry.key), key=lambda entry: _project_of(entry.key)
            ):
                outbox.remove(session, [entry.key for entry in entries], project_id)

    write()
    return len(orphans)


def _rows_without_an_object(stores: Stores, now: datetime) -> Finding:
    """By the projects' folders, one after the other."""
    after: str | None = None
    found = 0
    examples: list[str] = []
    while True:
        with stores.database.read() as session:
            page = leftovers.projects_of_assets(session, after, PAGE)
        for project_id in page:
            missing = _missing(stores, project_id, now - YOUNG)
            found += len(missing)
            examples += missing[: EXAMPLES - len(examples)]
        if len(page) < PAGE:
            return Finding("rows without an object", found, 0, 0, tuple(examples))
        after = page[-1]


def _missing(stores: Stores, project_id: str, before: datetime) -> list[str]:
    with stores.database.read() as session:
        rows = leftovers.stored_before(session, project_id, before)
    folders = {f"{'/'.join(key.split('/')[:2])}/" if key.startswith("projects/") else "music/" for key in rows}
    there = {entry.key for folder in sorted(folders) for entry in stores.objects.entries(folder)}
    gone = sorted(set(rows) - there)
    if not gone:
        return []
    with stores.database.read() as session:  # what was removed meanwhile is not missing
        return sorted(set(gone) & set(leftovers.stored_before(session, project_id, before)))


def _project_of(key: str) -> str:
    """The id in a key; "" of music."""
    parts = key.split("/")
    return parts[1] if parts[0] == "projects" and len(parts) > 2 else ""


def _pages(entries: Iterator[Listed]) -> Iterator[list[Listed]]:
    while page := list(islice(entries, PAGE)):
        yield page
