"""What `/v1/api/admin` answers, as the document describes it."""

from __future__ import annotations

from typing import Literal

from routers.openapi.answers import Answer, CamelCased, Task, Time


class TitledProject(Answer):
    """A task's project."""

    id: str
    title: str


class FailedTask(Answer):
    """A task that failed, and its project."""

    task: Task
    project: TitledProject


class StoredKind(Answer):
    """How much there is of one kind of files."""

    kind: Literal["image", "audio", "clip", "film", "music", "cast"]
    files: int
    bytes: int


class Disk(Answer):
    """The disk of `data_dir`, in bytes."""

    free: int
    total: int


class User(CamelCased):
    """An account."""

    name: str
    role: Literal["user", "admin"]
    disabled: bool
    created_at: Time


class Key(CamelCased):
    """A key, without its text, which nobody has."""

    id: str
    owner: str
    name: str
    scope: Literal["read", "write", "admin", "legacy"]
    state: Literal["active", "revoked", "expired"]
    created_at: Time
    last_used_at: Time


class Overview(Answer):
    """How the whole server is."""

    tasks: dict[str, int]
    failed: list[FailedTask]
    stored: list[StoredKind]
    disk: Disk
    users: list[User]
    keys: list[Key]
