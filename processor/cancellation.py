"""The tasks that this process works on, and how to call them off or wake their poll."""

from __future__ import annotations

import threading


class Watch:
    """One task's flags. `is_set` makes it a cancel flag for the film pipeline."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        self.held = False  # whether the task's lease is ours; until then the heartbeat leaves it alone
        self.wake = threading.Event()
        self._called_off = threading.Event()

    def is_set(self) -> bool:
        """Whether the task was cancelled, deleted or taken over by another processor, or this processor stops."""
        return self._called_off.is_set()

    def call_off(self) -> None:
        """End the work on this task; a waiting poll returns at once."""
        self._called_off.set()
        self.wake.set()


class CancellationRegistry:
    """Every running task's `Watch`, by task id."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: dict[str, Watch] = {}
        self._stopped = False

    def register(self, task_id: str) -> Watch | None:
        """Begin to watch a task before it is claimed, so that no cancel is missed; None when this process is at it already, or stops."""
        with self._lock:
            if self._stopped or task_id in self._watches:
                return None
            watch = self._watches[task_id] = Watch(task_id)
            return watch

    def remove(self, watch: Watch) -> None:
        """The work on the task is over."""
        with self._lock:
            del self._watches[watch.task_id]

    def held(self) -> list[str]:
        """Ids of the tasks that are claimed and at work."""
        with self._lock:
            return [watch.task_id for watch in self._watches.values() if watch.held]

    def on_event(self, event: str, task_id: str) -> None:
        """Listener for `service.broker.Events`: "cancel" calls the task off, "nudge" lets its poll look now."""
        with self._lock:
            watch = self._watches.get(task_id)
        if watch is None:
            return
        if event == "cancel":
            watch.call_off()
        else:
            watch.wake.set()

    def call_off_all(self) -> None:
        """This processor stops, and begins nothing more."""
        with self._lock:
            self._stopped = True
            watches = list(self._watches.values())
        for watch in watches:
            watch.call_off()

    def call_off_missing(self, asked: list[str], held: set[str]) -> None:
        """Of the tasks asked about, call off those whose lease is not ours any more."""
        with self._lock:
            lost = [self._watches[task_id] for task_id in asked if task_id not in held and task_id in self._watches]
        for watch in lost:
            watch.call_off()
