"""What comes out wrong is made once more, with another seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.base import JobRun, Report
from worker_node.providers.deadline import Deadline
from worker_node.providers.seeds import other_seed

Result = TypeVar("Result")
TRIES = (1, 2)


class Try:
    """One of a job's tries, as a `JobRun`: its calls, and its provider's own job, are no other try's."""

    def __init__(self, run: JobRun, number: int) -> None:
        self._run, self._number = run, number
        self.key, self.used = run.key, run.used

    @property
    def report(self) -> Report:
        """See `JobRun.report`."""
        return self._run.report

    def deadline(self, seconds: float) -> Deadline:
        """See `JobRun.deadline`: both tries share it."""
        return self._run.deadline(seconds)

    @property
    def remembered(self) -> str:
        """See `JobRun.remembered`."""
        number, job = split_job(self._run.remembered)
        return job if number == self._number else ""

    def remember(self, provider_job: str) -> None:
        """See `JobRun.remember`."""
        self._run.remember(f"{self._number}:{provider_job}")

    def once(self, part: str, ask: Callable[[str], bytes]) -> bytes:
        """See `JobRun.once`."""
        return self._run.once(f"{part}-{self._number}", ask)


def split_job(remembered: str) -> tuple[int, str]:
    """The try in which a provider's job was noted, and the job; 0 where none was."""
    number, _, job = remembered.partition(":")
    return (int(number), job) if number.isdecimal() else (0, "")


def once_more(run: JobRun, seed: int | None, make: Callable[[JobRun, int | None], Result]) -> Result:
    """What `make(run, seed)` returns; where it raises `BrokenAnswer`, of its second call. Raises `ProviderUnable` after that.

    A job that was killed in its second try goes on there.
    """
    begun = max(1, split_job(run.remembered)[0])
    reason = ""
    for number in TRIES[begun - 1 :]:
        try:
            return make(Try(run, number), seed if number == 1 else other_seed(seed, run.key))
        except BrokenAnswer as error:
            reason = str(error)
            run.report(0, f"{reason}，换一个种子重做" if number == 1 else reason)
    raise ProviderUnable(f"{reason}（已换种子重做一次）")
