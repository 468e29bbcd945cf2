"""What a provider is told of its job, and keeps of it: the worker process's side of `providers.base.JobRun`."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from worker_node.files import ANSWERS
from worker_node.job_notes import JobNotes
from worker_node.providers.base import Report
from worker_node.providers.deadline import Deadline


class WorkerRun:
    """One provider's turn at a job. `key` stays the same when the job is done again; `note` returns once its notes are on disk."""

    def __init__(
        self, *, label: str, key: str, folder: Path, notes: JobNotes, report: Report, note: Callable[[JobNotes], None]
    ) -> None:
        self._label, self.key, self._folder, self._note, self.report = label, key, folder / ANSWERS, note, report
        self._deadline: Deadline | None = None
        mine = notes.provider == label
        self._notes = notes if mine else notes.model_copy(update={"provider": label, "remembered": "", "asking": ""})
        self._units: dict[str, float] = {}

    def deadline(self, seconds: float) -> Deadline:
        """See `JobRun.deadline`."""
        self._deadline = self._deadline or Deadline(seconds)
        return self._deadline

    @property
    def remembered(self) -> str:
        """See `JobRun.remembered`."""
        return self._notes.remembered

    @property
    def notes(self) -> JobNotes:
        """What stands noted now."""
        return self._notes

    def remember(self, provider_job: str) -> None:
        """See `JobRun.remember`."""
        self._write(remembered=provider_job)

    def once(self, part: str, ask: Callable[[str], bytes]) -> bytes:
        """See `JobRun.once`. A kill before the answer is on disk costs one repeat of this call, with the same key."""
        key = hashlib.sha256(f"{self.key}/{self._label}/{part}".encode()).hexdigest()
        file = self._folder / f"{re.sub(r'[^a-z0-9-]', '-', self._label)}-{key[:32]}"
        if file.is_file():
            return file.read_bytes()
        again = self._notes.asking == part
        self._write(asking=part, repeated=self._notes.repeated + again)
        try:
            answer = ask(key)
            self._keep(file, answer)
        finally:
            self._write(asking="")  # answered, with an error perhaps: only a kill leaves it
        return answer

    def used(self, **units: float) -> None:
        """See `JobRun.used`. What a killed run had noted is not added to: this one is told of the same calls again."""
        for unit, amount in units.items():
            self._units[unit] = self._units.get(unit, 0) + amount
        before = self._notes.units.get(self._label, {})
        most = {unit: max(before.get(unit, 0), self._units.get(unit, 0)) for unit in {**before, **self._units}}
        self._write(units={**self._notes.units, self._label: most})

    def _write(self, **changed: object) -> None:
        notes = self._notes.model_copy(update=changed)
        if notes != self._notes:
            self._notes = notes
            self._note(notes)

    def _keep(self, file: Path, answer: bytes) -> None:
        self._folder.mkdir(exist_ok=True)
        part = file.with_suffix(".part")
        with part.open("wb") as opened:
            opened.write(answer)
            opened.flush()
            os.fsync(opened.fileno())
        part.rename(file)
