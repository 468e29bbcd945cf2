"""A kind's providers in their order: the next serves when one is away, over its quota, out of memory or makes nothing usable."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from worker_node.errors import DiskFull, NoneAble, ProviderError, ProviderUnable, means_full
from worker_node.job_notes import JobNotes
from worker_node.job_run import WorkerRun
from worker_node.provider_slots import ProviderSlots
from worker_node.providers.base import Report
from worker_node.providers.registry import PROVIDERS
from worker_node.providers.settings import ProviderSettings, model_name
from worker_node.second_try import split_job
from worker_node.work import perform

MAX_REASON = 300  # characters
MOST_VOICES = 500  # of one provider

log = logging.getLogger(__name__)


class Chain:
    """The providers of one worker process, each made when it is first needed. `slots`: the folder in which processes count calls."""

    def __init__(self, kind: str, settings: Sequence[ProviderSettings], slots: Path) -> None:
        self._kind, self._settings = kind, settings
        self._slots = ProviderSlots(slots, kind)
        self._made: dict[str, Any] = {}

    def perform(
        self, job: dict[str, Any], notes: JobNotes, report: Report, note: Callable[[JobNotes], None]
    ) -> dict[str, Any]:
        """`work.perform` by the first provider that can, with `made_by`, `unable` and `repeated` added; raises `ProviderError`.

        A job that an earlier run had begun goes to the provider that it was with.
        """
        unable: list[dict[str, str]] = []
        for settings in sorted(self._settings, key=lambda each: each.label != notes.provider):
            run = WorkerRun(
                label=settings.label, key=job["key"], folder=Path(job["folder"]), notes=notes, report=report, note=note
            )
            try:
                made = self._by(settings, job, run)
            except ProviderUnable as error:
                log.warning("%s %s: %s", self._kind, settings.label, error)
                unable.append({"provider": settings.label, "reason": str(error)[:MAX_REASON]})
                notes = run.notes
                continue
            model = model_name(self._kind, settings)
            made_by = {"provider": settings.label, "model": model, **_told(made.pop("how", {}))}
            return {**made, "made_by": made_by, "unable": unable, "repeated": run.notes.repeated}
        reasons = "；".join(f"{each['provider']}：{each['reason']}" for each in unable)
        if len(unable) == 1:
            raise NoneAble(unable[0]["reason"])
        raise NoneAble(f"没有可用的模型（{reasons}）")

    def voices(self) -> list[dict[str, str]]:
        """The voices of every provider that tells them, with `provider`; one that cannot has none."""
        rows: list[dict[str, str]] = []
        for settings in self._settings:
            try:
                tell = getattr(self._provider(settings), "voices", None)
                rows += (
                    [{**each._asdict(), "provider": settings.label} for each in tell()[:MOST_VOICES]] if tell else []
                )
            except Exception:
                log.exception("%s %s: no voices", self._kind, settings.label)
        return rows

    def cancel(self, notes: JobNotes) -> None:
        """Have the provider that a killed job was with end its own part of it, where it has one."""
        for settings in self._settings:
            if settings.label == notes.provider:
                cancel = getattr(self._provider(settings), "cancel", None)
                if cancel is not None:
                    cancel(split_job(notes.remembered)[1])

    def _by(self, settings: ProviderSettings, job: dict[str, Any], run: WorkerRun) -> dict[str, Any]:
        with self._slots.one_of(settings.label, settings.parallel):
            try:
                provider = self._provider(settings)
                if hasattr(provider, "expect"):
                    provider.expect(job.get("ahead", ()))
                return perform(self._kind, provider, job, run)
            except (ProviderError, DiskFull):
                raise
            except MemoryError as error:
                raise ProviderUnable("内存不足") from error
            except Exception as error:
                if means_full(error):
                    raise
                log.exception("%s %s failed", self._kind, settings.label)
                raise ProviderUnable(f"模型出错：{type(error).__name__}: {error}") from error

    def _provider(self, settings: ProviderSettings) -> Any:
        if settings.label not in self._made:
            try:
                self._made[settings.label] = make_provider(self._kind, settings)
            except ImportError as error:
                raise ProviderUnable(f"这台机器没有安装 {error.name or settings.provider}") from error
        return self._made[settings.label]


def _told(how: dict[str, Any]) -> dict[str, Any]:
    """How a picture or a clip was made, where that is known."""
    return {name: value for name, value in how.items() if value not in (None, "")}


def make_provider(kind: str, settings: ProviderSettings) -> Any:
    """The provider that settings name; raises ImportError where its packages are not there."""
    module, _, attribute = PROVIDERS[kind][settings.provider].partition(":")
    return getattr(importlib.import_module(module), attribute)(settings)
