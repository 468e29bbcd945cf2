"""The parts that the composition root builds and hands down."""

from __future__ import annotations

from dataclasses import dataclass

from common.clock import Clock
from config.settings import Settings
from models.db import Database
from service.broker import Events, TaskQueue
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

    def close(self) -> None:
        """Close the connections, and end the watch on the nodes."""
        self.node.close()
        self.events.close()
        self.queue.close()
        self.database.close()
