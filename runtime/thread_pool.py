"""Threads that come with the work and go when there is none: a thousand WebSockets that have closed leave no threads behind.

The one that became idle last gets the next work, so that the others' time runs out.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

IDLE_S = 10.0

_Tell = Callable[[], None]
_Work = Callable[[], _Tell]
"""What is to be done; it returns how to say that it is."""


class ThreadPool(Executor):
    """At most `max_threads` threads, each of which ends after `idle_s` seconds without work."""

    def __init__(self, max_threads: int, idle_s: float = IDLE_S) -> None:
        self._max, self._idle_s = max_threads, idle_s
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Work]] = []  # where each idle thread waits, the last one last
        self._waiting: deque[_Work] = deque()
        self._threads = 0
        self._closed = False

    @property
    def backlog(self) -> int:
        """How much work waits because all threads are busy."""
        return len(self._waiting)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """See `Executor.submit`; raises `RuntimeError` after `shutdown`, and where not one thread can be started."""
        future: Future[Any] = Future()

        def work() -> _Tell:
            try:
                result = function(*arguments, **named)
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                return partial(future.set_exception, error)
            return partial(future.set_result, result)

        with self._lock:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if self._idle:
                self._idle.pop().put(work)
            elif not self._start(work):
                self._waiting.append(work)
        return future

    def _start(self, work: _Work) -> bool:
        if self._threads >= self._max:
            return False
        try:
            threading.Thread(target=self._run, args=(work,), name="request", daemon=True).start()
        except RuntimeError:  # the machine has no more of them
            if not self._threads:
                raise
            return False
        self._threads += 1
        return True

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work. Threads end by themselves, with the process at the latest; none is waited for."""
        self._closed = True

    def _run(self, work: _Work | None) -> None:
        mailbox: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        while work is not None:
            tell = work()
            del work  # and with it what it holds
            following = self._following(mailbox)
            tell()  # now that it is idle: whoever hears of it may have more to do, which is not to wait
            del tell
            work = following or self._next(mailbox)
            del following

    def _following(self, mailbox: queue.SimpleQueue[_Work]) -> _Work | None:
        """Work that waits; None where there is none, and the thread is idle from now on."""
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._idle.append(mailbox)
        return None

    def _next(self, mailbox: queue.SimpleQueue[_Work]) -> _Work | None:
        """The next work of an idle thread; None when there was none for so long that the thread is to end."""
        try:
            return mailbox.get(timeout=self._idle_s)
        except queue.Empty:
            pass
        with self._lock:
            if mailbox in self._idle:
                self._idle.remove(mailbox)
                self._threads -= 1
                return None
        return mailbox.get()  # it came in the last moment
