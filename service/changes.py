"""Changes of rows between hosts that share a database: each tells the others by Redis which projects it has committed to.

The processes of one host see each other's changes by `models.row_versions` without it. What is kept of what was read may be used as long as
news of the others is sure to arrive (`reliable`): a PING on the very connection that the news comes by was answered a moment ago, behind
all news that was sent before. After a gap everything is new. SQLite is one host's alone: its rows need no news.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Iterable
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from models.base import new_id
from models.db import Database
from models.row_versions import EVERYTHING, SLOTS

log = logging.getLogger(__name__)

PING_S = 0.25  # between two proofs
PROOF_S = 1.0  # how long one is good: under load this process's own threads hold the next one up
USED_S = 1.0  # after the last use of what is kept no more proofs are asked for
RECONNECT_S = 1.0
AT_ONCE = 1000  # commits in one message


class Changes:
    """`tell` and `reliable` are called by any thread; one tells, one listens, and neither starts before it is needed."""

    def __init__(self, database: Database, redis: Redis, name: str) -> None:
        self._database, self._redis = database, redis
        self._channel = f"{name}:changes:{SLOTS}"
        self._own = new_id()
        self._told: queue.SimpleQueue[Iterable[int] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._teller: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._proved_until = 0.0
        self._used_at = 0.0
        if database.versions is not None and not database.is_sqlite:
            database.on_change = self.tell

    def tell(self, slots: Iterable[int]) -> None:
        """These were committed to. Returns at once."""
        self._told.put(slots)
        if self._teller is None:
            with self._lock:
                if self._teller is None and not self._closed.is_set():
                    self._teller = threading.Thread(target=self._tell, name="changes-out", daemon=True)
                    self._teller.start()

    def listen(self) -> None:
        """Hear the others from now on; until then nothing that was kept is used."""
        if self._database.versions is not None and self._listener is None:
            self._listener = threading.Thread(target=self._run, name="changes-in", daemon=True)
            self._listener.start()

    def reliable(self) -> bool:
        """Whether what is kept may be used."""
        if self._listener is None:
            return False
        if self._database.is_sqlite:
            return True
        self._used_at = now = time.monotonic()
        return now < self._proved_until

    def close(self) -> None:
        """Stop both."""
        self._closed.set()
        self._told.put(None)
        for thread in (self._teller, self._listener):
            if thread is not None:
                thread.join(timeout=2 * RECONNECT_S)

    def _tell(self) -> None:
        """After a failure the others are told, as soon as that works, that everything is new."""
        missed = False
        while (slots := self._told.get()) is not None:
            told = set(slots)
            while self._told.qsize() and len(told) < AT_ONCE and (more := self._told.get()) is not None:
                told.update(more)
            try:
                self._redis.publish(self._channel, json.dumps([self._own, [] if missed else sorted(told)]))
                missed = False
            except RedisError as error:
                if not missed:
                    log.warning("other hosts are not told of changes: %s", error)
                missed = True
                if self._closed.wait(RECONNECT_S):
                    return
                self._told.put(())

    def _run(self) -> None:
        if self._database.is_sqlite:
            self._sweep_until_closed()
            return
        while not self._closed.is_set():
            try:
                self._hear()
            except (RedisError, OSError) as error:
                if not self._closed.is_set():
                    log.warning("changes of other hosts are not heard: %s", error)
            self._proved_until = 0.0
            self._closed.wait(RECONNECT_S)

    def _sweep_until_closed(self) -> None:
        while not self._closed.wait(RECONNECT_S):
            self._sweep()

    def _hear(self) -> None:
        with self._redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]  # redis-py
            pubsub.subscribe(self._channel)
            asked, sweep_at = 0.0, 0.0
            while not self._closed.is_set():
                now = time.monotonic()
                if now - self._used_at < USED_S and now - asked >= PING_S:
                    pubsub.ping(str(now))
                    asked = now
                if now >= sweep_at:
                    self._sweep()
                    sweep_at = now + RECONNECT_S
                message = pubsub.get_message(timeout=PING_S)
                if message is not None:
                    self._receive(message)

    def _receive(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            self._renew(EVERYTHING)
        elif message["type"] == "pong":
            self._proved_until = float(message["data"]) + PROOF_S
        elif message["type"] == "message":
            self._renew(_changed(message["data"], self._own))

    def _renew(self, slots: Iterable[int]) -> None:
        versions = self._database.versions
        if versions is not None:
            versions.renew(slots)

    def _sweep(self) -> None:
        versions = self._database.versions
        if versions is not None:
            versions.sweep()


def _changed(data: Any, own: str) -> Iterable[int]:
    """The slots of another's message; everything where it names none, or is no message of ours."""
    try:
        sender, slots = json.loads(data)
        if sender == own:
            return ()
        return [slot for slot in slots if 0 <= slot < SLOTS] or EVERYTHING
    except (ValueError, TypeError, RecursionError):
        return EVERYTHING
