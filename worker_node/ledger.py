"""The jobs on disk, beside the output: what a node that was killed knows when it starts again."""

from __future__ import annotations

import errno
import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from worker_node.envelope import Envelope
from worker_node.job_notes import JobNotes

SCHEMA = 1
TABLE = """
CREATE TABLE IF NOT EXISTS job (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, entry TEXT NOT NULL, notes TEXT, ended TEXT
)
"""
BUSY_S = 10.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """One job as it lies on disk. `finished_at` None: it waits, or ran when the node ended. `known`: its envelope's id leads to it."""

    id: str
    envelope: Envelope
    request: dict[str, Any]
    request_id: str
    created_at: datetime
    known: bool = True
    trace_id: str = ""
    notes: JobNotes = field(default_factory=JobNotes)
    status: str = "pending"
    progress: int = 0
    message: str = ""
    result: dict[str, Any] | None = None
    error: str = ""
    code: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Ledger:
    """Thread-safe; what a method writes is on disk when it returns. Raises `OSError`, by its number where the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock, self._closed = path, threading.Lock(), False
        try:
            self._open()
        except sqlite3.DatabaseError:
            log.exception(
                "%s is not readable: the jobs in it are forgotten, and it is kept as %s.broken", path, path.name
            )
            for ending in ("", "-wal", "-shm"):
                file = path.with_name(path.name + ending)
                if file.exists():
                    file.replace(path.with_name(f"{path.name}.broken{ending}"))
            self._open()

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            self._database.close()
            raise

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA):
            raise sqlite3.DatabaseError(f"version {version} of the jobs, {SCHEMA} is known")
        self._database.execute(TABLE)
        self._database.execute("PRAGMA quick_check")
        self._database.execute(f"PRAGMA user_version={SCHEMA}")

    def add(self, entry: Entry) -> None:
        """A new job."""
        begun = {
            "envelope": entry.envelope.model_dump(mode="json", exclude_unset=True),
            "request": entry.request,
            "request_id": entry.request_id,
            "trace_id": entry.trace_id,
            "created_at": entry.created_at.isoformat(),
        }
        with self._writing() as database:
            database.execute("INSERT INTO job (id, entry) VALUES (?, ?)", (entry.id, json.dumps(begun)))

    def note(self, job_id: str, notes: JobNotes) -> None:
        """What is kept of a job while it runs."""
        with self._writing() as database:
            database.execute("UPDATE job SET notes = ? WHERE id = ?", (notes.model_dump_json(), job_id))

    def end(self, entry: Entry) -> None:
        """A job ended; what its provider was asked for is not needed any more."""
        ended = {
            **{
                name: getattr(entry, name)
                for name in ("known", "status", "progress", "message", "result", "error", "code")
            },
            "started_at": entry.started_at.isoformat() if entry.started_at else None,
            "finished_at": entry.finished_at.isoformat() if entry.finished_at else None,
        }
        with self._writing() as database:
            database.execute(
                "UPDATE job SET ended = ?, entry = json_set(entry, '$.request', json('{}')) WHERE id = ?",
                (json.dumps(ended), entry.id),
            )

    def remove(self, job_ids: Sequence[str]) -> None:
        """Forget jobs; unknown ones are no error."""
        if job_ids:
            with self._writing() as database:
                database.executemany("DELETE FROM job WHERE id = ?", [(job_id,) for job_id in job_ids])

    def entries(self) -> list[Entry]:
        """All jobs, the oldest first; one that this version cannot read is left out, and removed."""
        with self._lock:
            rows = self._database.execute("SELECT id, entry, notes, ended FROM job ORDER BY number").fetchall()
        found, unreadable = [], []
        for row in rows:
            try:
                found.append(_entry(*row))
            except (ValueError, KeyError, TypeError):  # pydantic's error is a ValueError
                log.warning("job %s: not readable, forgotten", row[0])
                unreadable.append(row[0])
        self.remove(unreadable)
        return found

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._closed = True
            self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise OSError(errno.EBADF, "the jobs are not written any more: the node ends")
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                full = "full" in str(error) or "disk I/O" in str(error)
                raise OSError(errno.ENOSPC if full else errno.EIO, f"the jobs cannot be written: {error}") from error


def _entry(job_id: str, begun: str, notes: str | None, ended: str | None) -> Entry:
    first = json.loads(begun)
    last = json.loads(ended) if ended else {}
    times = {name: datetime.fromisoformat(last.pop(name)) for name in ("started_at", "finished_at") if last.get(name)}
    return Entry(
        id=job_id,
        envelope=Envelope.model_validate(first["envelope"]),
        request=first["request"],
        request_id=first["request_id"],
        trace_id=first.get("trace_id", ""),
        created_at=datetime.fromisoformat(first["created_at"]),
        notes=JobNotes.model_validate_json(notes) if notes else JobNotes(),
        **{**last, **times},
    )
