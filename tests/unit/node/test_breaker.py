"""When a node is left alone, and when it is tried again."""

from __future__ import annotations

from service.node.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(time: Time) -> Breaker:
    breaker = Breaker(time)
    for _ in range(FAILURES):
        breaker.silent()
    return breaker


def test_a_request_that_is_lost_now_and_then_opens_nothing() -> None:
    breaker = Breaker(Time())
    for _ in range(5 * FAILURES):
        breaker.silent()
        breaker.answered()
        assert breaker.allows()


def test_a_silent_node_is_left_alone_until_it_answers() -> None:
    breaker = opened(Time())
    assert not breaker.allows()
    breaker.answered()
    assert breaker.allows()


def test_a_node_that_answers_and_takes_no_job_is_left_alone_all_the_same() -> None:
    time = Time()
    breaker = Breaker(time)
    breaker.not_taken()
    breaker.answered()
    assert not breaker.allows()
    time.now += FIRST_PAUSE_S
    assert breaker.allows()
    breaker.took()
    assert breaker.allows()


def test_after_the_pause_one_job_is_let_through_and_the_others_wait_for_it() -> None:
    time = Time()
    breaker = opened(time)
    time.now += FIRST_PAUSE_S
    assert breaker.allows()
    breaker.chosen()
    assert not breaker.allows()
    breaker.took()
    assert breaker.allows()


def test_pauses_grow_up_to_a_bound_and_begin_anew_with_a_job_that_is_taken() -> None:
    time = Time()
    breaker = Breaker(time)
    pauses = []
    for _ in range(8):
        breaker.not_taken()
        began = time.now
        while not breaker.allows():
            time.now += FIRST_PAUSE_S
        pauses.append(time.now - began)
    assert pauses[:3] == [FIRST_PAUSE_S, 2 * FIRST_PAUSE_S, 4 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    breaker.took()
    breaker.not_taken()
    time.now += FIRST_PAUSE_S
    assert breaker.allows()


def test_choosing_a_node_that_is_well_holds_nobody_up() -> None:
    breaker = Breaker(Time())
    breaker.chosen()
    assert breaker.allows()
