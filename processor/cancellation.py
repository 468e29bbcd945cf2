"""The tasks that this process runs, and how to cancel them or wake their poll."""

from __future__ import annotations

import threading


class CancelToken:
    """One task's flags: whether it was cancelled, whether we own its lease, whether to poll now. It is a `Cancel` for the film pipeline."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        self.owns_lease = False  # until it is, the heartbeat leaves the task alone
        self.wake = threading.Event()
        self._cancelled = threading.Event()

    def is_set(self) -> bool:
        """Whether the task was cancelled, deleted or taken over by another processor, or this processor is stopping."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the work on this task; a waiting poll returns at once."""
        self._cancelled.set()
        self.wake.set()


class CancellationRegistry:
    """Every running task's `CancelToken`, by task id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, CancelToken] = {}
        self._stopped = False

    def register(self, task_id: str) -> CancelToken | None:
        """A token for a task about to be claimed, so that no cancel is missed; None when it runs here already, or when stopping."""
        with self._lock:
            if self._stopped or task_id in self._tokens:
                return None
            token = self._tokens[task_id] = CancelToken(task_id)
            return token

    def remove(self, token: CancelToken) -> None:
        """The task no longer runs here."""
        with self._lock:
            del self._tokens[token.task_id]

    def leased(self) -> list[str]:
        """Ids of the running tasks whose leases this process owns."""
        with self._lock:
            return [token.task_id for token in self._tokens.values() if token.owns_lease]

    def on_event(self, event: str, task_id: str) -> None:
        """Listener for `service.broker.Events`: "cancel" cancels the task, "wake" makes its poll run now."""
        with self._lock:
            token = self._tokens.get(task_id)
        if token is None:
            return
        if event == "cancel":
            token.cancel()
        else:
            token.wake.set()

    def cancel_all(self) -> None:
        """Cancel every task, and accept no more: the processor stops."""
        with self._lock:
            self._stopped = True
            tokens = list(self._tokens.values())
        for token in tokens:
            token.cancel()

    def cancel_missing(self, asked: list[str], held: set[str]) -> None:
        """Of the tasks asked about, cancel those whose lease was lost."""
        with self._lock:
            lost = [self._tokens[task_id] for task_id in asked if task_id not in held and task_id in self._tokens]
        for token in lost:
            token.cancel()
