"""How often somebody may ask: moving windows in Redis, which all servers share, by who asks and by what it costs.

Where Redis does not answer, requests are let through or refused, as configured, and it is left alone for a few seconds. Failed logins are
then counted in each process, which lets its part of them through.
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from enum import Enum
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from common.errors import QueueUnavailable, TooManyRequests
from config.addresses import parse_rate
from service.container import Services

log = logging.getLogger(__name__)

ANSWER_S = 0.5
LEAVE_ALONE_S = 5.0
SHARES = 50  # a process takes one of so many shares of a limit by the second at once, and asks Redis when that is used up or old
TAKEN_S = 1.0
MOST_TAKEN = 10_000
FROM_ANYWHERE = 10  # so many times the failures of one address may come for one name from all addresses, and from one address for all


class Cost(Enum):
    """Classes of routes."""

    READ = "read"
    WRITE = "write"
    EXPENSIVE = "expensive"
    LOGIN = "login"


class RateLimits:
    """Counts requests and failed logins."""

    def __init__(self, services: Services) -> None:
        settings = services.settings.limits
        self._items = {cost: _item(getattr(settings, cost.value)) for cost in Cost}
        self._failed = settings.failed_logins
        self._processes = max(1, services.settings.server.processes)
        self._is_open = settings.without_redis == "open"
        self._windows = MovingWindowRateLimiter(_redis(services))
        self._own = MovingWindowRateLimiter(MemoryStorage())
        self._left_alone_until = 0.0
        self._taking = threading.Lock()
        self._taken: dict[tuple[str, Cost], list[float]] = {}  # what was taken in advance: how much is left, until when

    def take(self, who: str, cost: Cost) -> None:
        """Count a request; raises `TooManyRequests`, or `QueueUnavailable` where Redis is away and that is to be refused."""
        if self.take_in_advance(who, cost):
            return
        item = self._items[cost]
        windows = self._shared()
        if windows is None:
            self._without_redis()
            return
        try:
            if not self._counted(windows, item, cost, who):
                raise _refusal("请求过于频繁，请稍后重试", item, windows.get_window_stats(item, cost.value, who)[0])
        except RedisError as error:
            self._lost(error)
            self._without_redis()

    def take_in_advance(self, who: str, cost: Cost) -> bool:
        """Whether the request could be counted at once, of what was taken before."""
        own = self._taken.get((who, cost))
        if own is None or own[0] <= 0 or time.monotonic() >= own[1]:
            return False
        own[0] -= 1
        return True

    def _counted(self, windows: MovingWindowRateLimiter, item: RateLimitItem, cost: Cost, who: str) -> bool:
        """Whether there was room for one more; of a large limit by the second some are counted in advance."""
        share = item.amount // SHARES if item.get_expiry() <= TAKEN_S else 1
        if share < 2 or not self._taking.acquire(
            blocking=False
        ):  # one at a time: each thread's own would be many shares
            return windows.hit(item, cost.value, who)
        try:
            if not windows.hit(item, cost.value, who, cost=share):
                return windows.hit(item, cost.value, who)
            if len(self._taken) >= MOST_TAKEN:
                self._taken.clear()
            self._taken[who, cost] = [share - 1, time.monotonic() + TAKEN_S]
        finally:
            self._taking.release()
        return True

    def check_login(self, name: str, address: str) -> None:
        """Raise `TooManyRequests` where too many logins have failed of late."""
        for windows in self._of_logins():
            try:
                for item, *who in self._failures(windows, name, address):
                    if not windows.test(item, *who):
                        raise _refusal("登录失败次数过多，请稍后重试", item, windows.get_window_stats(item, *who)[0])
                return
            except RedisError as error:
                self._lost(error)

    def note_failed_login(self, name: str, address: str) -> None:
        """Count a login that failed."""
        for windows in self._of_logins():
            try:
                for item, *who in self._failures(windows, name, address):
                    windows.hit(item, *who)
                return
            except RedisError as error:
                self._lost(error)

    def _failures(self, windows: MovingWindowRateLimiter, name: str, address: str) -> list[tuple[Any, ...]]:
        hashed = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
        processes = self._processes if windows is self._own else 1
        from_anywhere = _item(self._failed, FROM_ANYWHERE, processes)
        return [
            (_item(self._failed, 1, processes), "failed", hashed, address),
            (from_anywhere, "failed", "name", hashed),
            (from_anywhere, "failed", "address", address),
        ]

    def _of_logins(self) -> list[MovingWindowRateLimiter]:
        shared = self._shared()
        return [self._own] if shared is None else [shared, self._own]

    def _shared(self) -> MovingWindowRateLimiter | None:
        return self._windows if time.monotonic() >= self._left_alone_until else None

    def _lost(self, error: RedisError) -> None:
        self._left_alone_until = time.monotonic() + LEAVE_ALONE_S
        log.warning("requests are not counted: Redis does not answer (%s)", error)

    def _without_redis(self) -> None:
        if not self._is_open:
            raise QueueUnavailable("请求计数不可用")


def _item(rate: str, times: int = 1, processes: int = 1) -> RateLimitItem:
    """So many times the rate, and of that a process's part; 1 at least."""
    amount, seconds = parse_rate(rate)
    return RateLimitItemPerSecond(max(1, amount * times // processes), seconds)


def _refusal(text: str, item: RateLimitItem, reset: float) -> TooManyRequests:
    return TooManyRequests(text, limit=item.amount, retry_after_s=max(1, math.ceil(reset - time.time())))


def _redis(services: Services) -> Storage:
    """The queue's server, by connections that do not wait long."""
    pool, prefix = services.queue.redis.connection_pool, f"{services.queue.name}:limits"
    quick = {"socket_timeout": ANSWER_S, "retry": Retry(NoBackoff(), 0)}
    if "socket_connect_timeout" in pool.connection_kwargs:
        quick["socket_connect_timeout"] = ANSWER_S
    own = ConnectionPool(connection_class=pool.connection_class, **{**pool.connection_kwargs, **quick})
    return RedisStorage("redis://", connection_pool=own, key_prefix=prefix)
