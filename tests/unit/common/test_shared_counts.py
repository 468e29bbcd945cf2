"""Counts that several processes see."""

from __future__ import annotations

import os

from common.shared_counts import AWAY, SharedCounts
from routers.websocket.connections import Sockets


def test_what_a_forked_process_counts_is_seen_and_goes_with_it() -> None:
    counts = SharedCounts(2)
    counts.join(0)
    counts.own = 3
    child = os.fork()
    if not child:
        counts.join(1)
        counts.own += 4
        os._exit(0)
    os.waitpid(child, 0)
    assert (counts.each(), counts.own, counts.total) == ([3, 4], 3, 7)
    counts.leave(1)
    assert (counts.each(), counts.total) == ([3, AWAY], 3)


def test_sockets_of_all_processes_have_one_limit() -> None:
    counts = SharedCounts(2)
    counts.join(1)
    counts.own = 2
    counts.join(0)
    sockets = Sockets(3, counts)
    assert [sockets.reserve(), sockets.reserve()] == [True, False]
    assert (sockets.count, counts.each()) == (1, [1, 2])
    counts.leave(1)
    assert [sockets.reserve() for _ in range(3)] == [True, True, False]
    sockets.release()
    assert counts.each() == [2, AWAY]
