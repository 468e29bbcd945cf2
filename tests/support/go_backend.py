"""The database that the Go backend leaves: its tables, with rows in every state (go_backend.sql)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.engine import Engine

from models.migrations import run_script

SCRIPT = Path(__file__).with_suffix(".sql")
ZONE = "Asia/Shanghai"
BUCKET = "storytovideo"

COLUMNS = {
    "project": (
        "id, title, story_text, style, status, cover_image, duration, video_url, description, shot_count, created_at, updated_at"
    ),
    "shot": "id, project_id, `order`, title, description, prompt, status, image_path, audio_path, transition, created_at, updated_at",
    "task": (
        "id, project_id, shot_id, type, status, progress, message, parameters, result, error, estimated_duration, "
        "started_at, finished_at, created_at, updated_at"
    ),
}
"""The columns that the Go backend names when it reads and writes."""

PROJECT = "10000000-0000-4000-8000-00000000000{}"
SHOT = "20000000-0000-4000-8000-0000000000{}"
TASK = "30000000-0000-4000-8000-0000000000{}"


def foreign_engine(url: URL) -> Engine:
    """An engine that knows nothing of this server's settings, as the Go backend has one."""
    return create_engine(url, poolclass=NullPool)


def load(url: URL, bucket: str = BUCKET) -> None:
    """Make the tables and their rows in an empty database (SQLite too, without what only MySQL can hold).

    `bucket` is the one that stored links lead into.
    """
    engine = foreign_engine(url)
    with tempfile.TemporaryDirectory() as folder, engine.begin() as connection:
        script = Path(folder) / SCRIPT.name
        script.write_text(SCRIPT.read_text("utf-8").replace(f":9000/{BUCKET}/", f":9000/{bucket}/"), "utf-8")
        run_script(connection, script)


def rows(url: URL, table: str) -> list[tuple[Any, ...]]:
    """All rows as the Go backend reads them: its columns only."""
    with foreign_engine(url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(f"SELECT {COLUMNS[table]} FROM {table} ORDER BY id"))]
