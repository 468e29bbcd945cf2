"""Threads come with the work and go without it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from runtime.thread_pool import ThreadPool
from tests.support.wait import wait_until


def threads() -> int:
    return sum(thread.name == "request" for thread in threading.enumerate())


@pytest.fixture(autouse=True)
def _no_threads_of_another_test() -> None:
    wait_until(lambda: threads() == 0, timeout=60)


def busy(pool: ThreadPool, count: int) -> Callable[[], None]:
    """Give so many threads work; what comes back lets them finish it."""
    end, begun = threading.Event(), threading.Semaphore(0)

    def work() -> None:
        begun.release()
        end.wait(60)

    for _ in range(count):
        pool.submit(work)
    for _ in range(count):
        assert begun.acquire(timeout=60)
    return end.set


def test_results_and_errors_come_to_whoever_asked() -> None:
    pool = ThreadPool(2, idle_s=0.05)
    assert pool.submit(divmod, 7, 2).result(60) == (3, 1)
    assert isinstance(pool.submit(divmod, 7, 0).exception(60), ZeroDivisionError)
    wait_until(lambda: threads() == 0, timeout=60)


def test_there_are_as_many_threads_as_work_and_none_a_while_after_it() -> None:
    pool = ThreadPool(100, idle_s=0.05)
    finish = busy(pool, 30)
    assert threads() == 30
    finish()
    wait_until(lambda: threads() == 0, timeout=60)
    assert pool.submit(abs, -1).result(60) == 1  # and it serves on


def test_little_work_after_much_keeps_few_threads() -> None:
    """The last one that became idle gets it: with the first one in turn, all would have something to do now and then, and stay."""
    pool = ThreadPool(100, idle_s=0.5)
    busy(pool, 30)()

    def few_are_left() -> bool:
        pool.submit(abs, -1).result(60)
        return threads() <= 3

    wait_until(few_are_left, timeout=60)


def test_work_beyond_the_threads_waits_in_order() -> None:
    pool = ThreadPool(2, idle_s=0.05)
    finish = busy(pool, 2)
    done: list[int] = []
    waiting = [pool.submit(done.append, number) for number in range(5)]
    assert (pool.backlog, done) == (5, [])
    finish()
    for each in waiting:
        each.result(60)
    assert sorted(done) == list(range(5))
    assert pool.backlog == 0


def test_a_machine_without_further_threads_lets_work_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ThreadPool(9, idle_s=0.05)
    finish = busy(pool, 1)

    def none_left(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        waiting = pool.submit(abs, -1)
        with pytest.raises(RuntimeError):
            ThreadPool(9).submit(abs, -1)
    assert pool.backlog == 1
    finish()
    assert waiting.result(60) == 1


def test_a_closed_pool_takes_no_work() -> None:
    pool = ThreadPool(1, idle_s=0.05)
    pool.shutdown(wait=False)
    with pytest.raises(RuntimeError):
        pool.submit(abs, -1)


def test_a_thread_is_idle_when_it_is_told_that_its_work_is_done() -> None:
    """Else what follows would seem to wait for a thread, and somebody would be interrupted for it."""
    pool, backlogs = ThreadPool(1, idle_s=0.05), list[int]()
    done = threading.Event()

    def then(_future: object) -> None:
        pool.submit(abs, -1)
        backlogs.append(pool.backlog)
        done.set()

    pool.submit(threading.Event().wait, 0.01).add_done_callback(then)
    assert done.wait(60)
    assert backlogs == [0]
