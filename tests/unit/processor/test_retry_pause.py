"""How long a task waits before it is tried again."""

from __future__ import annotations

from processor.runner import MAX_DOUBLINGS, _pause_ms

POLL_S = 3.0


def test_pause_doubles_and_holds_up_to_one_poll_of_jitter() -> None:
    for attempts in range(12):
        least = 1000 * POLL_S * 2 ** min(attempts, MAX_DOUBLINGS)
        pauses = [_pause_ms(attempts, POLL_S) for _ in range(50)]
        assert all(least <= pause <= least + 1000 * POLL_S for pause in pauses)


def test_tasks_that_failed_together_do_not_come_back_together() -> None:
    assert len({_pause_ms(0, POLL_S) for _ in range(50)}) > 25
