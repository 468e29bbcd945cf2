"""One job of a ComfyUI from its workflow to its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from worker_node.errors import BrokenAnswer, ProviderError, ProviderUnable
from worker_node.providers.base import JobRun
from worker_node.providers.comfyui.client import ComfyClient
from worker_node.providers.comfyui.history import File, Outcome
from worker_node.providers.comfyui.progress import Progress
from worker_node.providers.comfyui.workflow import Workflow, filled, lacks, model_of, places_of, read_workflow
from worker_node.providers.deadline import Deadline
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.sizes import Size, nearest, size_of

WORKFLOWS = Path(__file__).parent / "workflows"
TIMEOUT_S = 850.0  # within the 15 minutes of a job
FIRST_POLL_S, LONGEST_POLL_S, SLOWER = 0.3, 3.0, 1.5
MOST_MISSING = 2  # looks in a row by which a job is lost
MOST_LOST = 3
LIST_S = 15.0
STEP = 8  # of sides, in pixels: what models compute in
LOADERS = {"CheckpointLoaderSimple": "ckpt_name", "ImageOnlyCheckpointLoader": "ckpt_name", "UNETLoader": "unet_name"}


class ComfyJobs:
    """A server and a workflow, for all jobs of a process."""

    def __init__(self, settings: ProviderSettings, example: str, sizes: tuple[Size, ...]) -> None:
        self._settings, self.client = settings, ComfyClient(settings)
        own = settings.workflow
        self.workflow: Workflow = read_workflow(own or WORKFLOWS / example)
        self._sizes = tuple(map(size_of, settings.sizes)) or (() if own else sizes)
        self._places, self._checked = places_of(self.workflow), False

    def models(self) -> list[str]:
        """The models that the workflow's loaders, or the usual ones, have to choose from."""
        loaders = {node["class_type"] for node in self.workflow.values()} & set(LOADERS) or set(LOADERS)
        return self.client.choices({name: LOADERS[name] for name in loaders}, Deadline(LIST_S))

    def deadline(self, run: JobRun) -> Deadline:
        """The end of a job's time."""
        return run.deadline(self._settings.timeout_s or TIMEOUT_S)

    def size(self, wanted: Size) -> tuple[Size, Size | None]:
        """The size to put into the workflow, and the one that is asked for by that; None where the workflow has its own."""
        size = nearest(self._sizes, wanted) if self._sizes else (_up(wanted[0]), _up(wanted[1]))
        return size, size if {"width", "height"} <= self._places else None

    def model(self, wished: str) -> str:
        """The model's name in the workflow."""
        return wished or self._settings.model

    def run(self, values: Mapping[str, Any], run: JobRun, deadline: Deadline) -> tuple[tuple[File, ...], str]:
        """The files of a job with these values, and its model; raises `ProviderUnable`. A job that the server lost is asked for again."""
        extra = {name: value for name, value in self._settings.extra.items() if values.get(name) in (None, "")}
        workflow = filled(self.workflow, {**values, **extra})
        self._check(workflow, deadline)
        client_id = hashlib.sha256(run.key.encode()).hexdigest()[:32]
        url, headers = self.client.socket(client_id)
        with Progress(url, headers, lambda percent: run.report(5 + percent * 85 // 100, "正在生成")) as progress:
            prompt_id = run.remembered
            for number in range(MOST_LOST):
                if not prompt_id:
                    prompt_id = self._queue(workflow, client_id, number, run, deadline)
                    run.remember(prompt_id)
                progress.prompt_id = prompt_id
                outcome = self._wait(prompt_id, progress, run, deadline)
                if outcome is not None:
                    return _files_of(outcome), model_of(workflow)
                prompt_id = ""
        raise ProviderUnable(f"任务在 ComfyUI 上丢失了 {MOST_LOST} 次")

    def _check(self, workflow: Workflow, deadline: Deadline) -> None:
        """Hold the workflow against what the server has; once, until it is as it should be."""
        if self._checked:
            return
        missing = lacks(workflow, self.client.classes({node["class_type"] for node in workflow.values()}, deadline))
        if missing:
            raise ProviderUnable(f"ComfyUI 做不了这个工作流：{'；'.join(missing)}")
        self._checked = True

    def _queue(self, workflow: Workflow, client_id: str, number: int, run: JobRun, deadline: Deadline) -> str:
        answer = run.once(f"prompt-{number}", lambda _key: self.client.queue_prompt(workflow, client_id, deadline))
        try:
            found = json.loads(answer)
        except ValueError:
            self.client.check(answer)
            found = None
        name = found.get("prompt_id") if isinstance(found, dict) else None
        if not isinstance(name, str) or not name:
            raise ProviderUnable("ComfyUI 没有给出任务编号")
        return name

    def _wait(self, prompt_id: str, progress: Progress, run: JobRun, deadline: Deadline) -> Outcome | None:
        """The job's outcome; None where the server lost it. What goes wrong with a look says nothing about the job."""
        pause, missing, trouble = FIRST_POLL_S, 0, ""
        while deadline.left():
            try:
                outcome, there = self._look(prompt_id, run, deadline)
            except ProviderUnable as error:
                missing, trouble = 0, str(error)
            else:
                if outcome is not None:
                    return outcome
                missing, trouble = (0 if there else missing + 1), ""
                if missing >= MOST_MISSING:
                    return None
            progress.wake.wait(min(pause, deadline.left()))
            progress.wake.clear()
            pause = min(LONGEST_POLL_S, pause * SLOWER)
        self._let_go(prompt_id)
        why = f"（{trouble}）" if trouble else ""
        raise ProviderUnable(f"ComfyUI 在 {deadline.seconds:g} 秒内没有完成，已取消{why}")

    def _look(self, prompt_id: str, run: JobRun, deadline: Deadline) -> tuple[Outcome | None, bool]:
        """The job's outcome, and whether the server knows the job: one that ends between two looks is in the history at the last one."""
        outcome = self.client.outcome(prompt_id, deadline)
        if outcome is not None:
            return outcome, True
        running, waiting = self.client.places(deadline)
        if prompt_id in waiting:
            run.report(3, "在 ComfyUI 的队列中等待")
        if prompt_id in running | waiting:
            return None, True
        outcome = self.client.outcome(prompt_id, deadline)
        return outcome, outcome is not None

    def _let_go(self, prompt_id: str) -> None:
        try:
            self.client.cancel(prompt_id)
        except ProviderError:  # it ends by itself
            return


def _up(side: int) -> int:
    return -(-side // STEP) * STEP


def _files_of(outcome: Outcome) -> tuple[File, ...]:
    if outcome.error:
        raise ProviderUnable(outcome.error)
    if not outcome.files:
        raise BrokenAnswer("ComfyUI 的任务没有输出文件")
    return outcome.files


def fetched(get: Callable[[], bytes], tries: int = 3) -> bytes:
    """What `get` returns, asked again where it fails; raises the last error."""
    for number in range(tries):
        try:
            return get()
        except ProviderUnable:
            if number + 1 == tries:
                raise
    raise AssertionError("there is always a last try")
