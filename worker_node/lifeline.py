"""Ending together with the process that started us, however that one ends."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
POLL_S = 0.5


def die_with_starting_thread(parent_pid: int) -> None:
    """Linux: have the kernel kill this process when the thread that started it ends; elsewhere nothing.

    For children whose starting thread lives as long as its process. Leaves at once where the parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise SystemExit(1)


def watch_parent(parent_pid: int, on_death: Callable[[], None]) -> None:
    """Call `on_death` in a thread of its own as soon as that process is gone.

    It does not matter which of the parent's threads started us, unlike with PR_SET_PDEATHSIG: a server may start its node from a
    thread that ends early. Linux tells at once through a pidfd; elsewhere the parent's id is looked at twice a second.
    """
    try:
        watched = os.pidfd_open(parent_pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        on_death()
        return
    except OSError:
        watched = None  # a kernel or a sandbox without pidfd_open

    def watch() -> None:
        if watched is not None:
            poller = select.poll()
            poller.register(watched, select.POLLIN)
            while os.getppid() == parent_pid and not poller.poll(10_000):
                pass
        while os.getppid() == parent_pid:
            time.sleep(POLL_S)
        on_death()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
