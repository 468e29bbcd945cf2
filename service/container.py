"""The parts that the composition root builds and hands down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from common.clock import Clock
from config.settings import Settings
from models.db import Database
from service.broker import Events, TaskQueue
from service.changes import Changes
from service.node.pool import NodePool
from service.oss import ObjectStore


@dataclass(frozen=True)
class Services:
    """What every use case may need. Built in `main.py`'s start order; closed by `close`."""

    settings: Settings
    database: Database
    queue: TaskQueue
    events: Events
    store: ObjectStore
    node: NodePool
    clock: Clock

    @cached_property
    def changes(self) -> Changes:
        """Between the hosts that share the database."""
        return Changes(self.database, self.queue.redis, self.queue.name)

    def __post_init__(self) -> None:
        """Tell the others of every commit from now on."""
        _ = self.changes

    def close(self) -> None:
        """Close the connections, and end the watch on the nodes."""
        self.node.close()
        self.changes.close()
        self.events.close()
        self.queue.close()
        self.database.close()
