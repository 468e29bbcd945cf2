"""What a full disk, or a machine at its limits, does to tasks: they wait, whoever it was that met it."""

from __future__ import annotations

import dataclasses
import errno
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from common import hashing
from processor import recoverer
from processor.handlers import node_asset
from service import films, tasks
from service.assets.media_type import sniff
from service.film import inputs
from service.schemas import FilmRequest
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.node.dialect import OURS
from tests.support.node.scripts import failed, finished, png
from tests.support.soak import soaking
from tests.support.wait import wait_until

PATIENCE_S = 60


@pytest.fixture(autouse=True)
def _quick_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoverer, "PERIOD_S", 0.1)


def failing(number: int, faults: list[int], function: Any) -> Any:
    """The function, which first fails by this error as often as `faults` has entries."""

    def called(*arguments: Any, **options: Any) -> Any:
        if faults:
            faults.pop()
            raise OSError(number, "refused")
        return function(*arguments, **options)

    return called


@pytest.mark.parametrize(
    "number",
    soaking([errno.ENOSPC, errno.EMFILE, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.ENOMEM], keep=2),
)
@others_by_soak
def test_a_download_that_the_machine_refuses_is_tried_more_often_than_a_node_is(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    faults = [0] * (backend.settings.worker.dispatch_retries + 2)
    monkeypatch.setattr(node_asset, "sniff", failing(number, faults, sniff))
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    assert faults == []
    assert backend.node.starts("generate_shot") == [task_id], "the image was not made again"


def test_an_image_that_cannot_be_read_here_is_not_the_models_fault(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [0]
    monkeypatch.setattr(Image, "open", failing(errno.EMFILE, faults, Image.open))
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    assert faults == []


def test_a_full_disk_outlasts_the_time_limit_and_other_limits_of_the_machine_do_not(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = [errno.ENOSPC]

    def refuse(*_arguments: Any) -> Any:
        raise OSError(number[0], "refused")

    monkeypatch.setattr(node_asset, "sniff", refuse)
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    retries = backend.settings.worker.dispatch_retries
    wait_until(lambda: tasks.get(backend.services, task_id).attempts > retries, PATIENCE_S)
    backend.age(task_id, timedelta(minutes=backend.settings.worker.timeout_minutes + 1))
    attempts = tasks.get(backend.services, task_id).attempts
    wait_until(lambda: tasks.get(backend.services, task_id).attempts > attempts + 1, PATIENCE_S)
    task = tasks.get(backend.services, task_id)
    assert task.status in ("pending", "processing")
    assert "磁盘空间不足" in (task.message or "")
    number[0] = errno.EMFILE
    backend.wait(task_id, "failed")
    assert "打开的文件过多" in (tasks.get(backend.services, task_id).error or "")


@others_by_soak
def test_a_node_that_has_no_room_is_sent_the_task_again(backend: Backend) -> None:
    retries = backend.settings.worker.dispatch_retries
    scripts = [failed("OSError: [Errno 28] No space left on device")] * (retries + 2)
    backend.node.script("generate_shot", lambda _e: scripts.pop() if scripts else finished(png()))
    backend.node.dialect = dataclasses.replace(OURS, one_job_per_task=False)  # ours forgets such a job
    refusals: list[tuple[int, object]] = [(507, {"error": "full"})] * (retries + 2)
    backend.node.on_generate = lambda envelope: (
        refusals.pop() if refusals and envelope["type"] == "generate_shot" else None
    )
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")
    assert scripts == []
    assert refusals == []


@pytest.mark.parametrize("number", soaking([errno.ENOSPC, errno.EIO, errno.EMFILE], keep=2))
@others_by_soak
def test_a_film_waits_for_pictures_that_cannot_be_read_here_instead_of_going_without_them(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    faults = [0, 0]
    monkeypatch.setattr(inputs, "file_digest", failing(number, faults, hashing.file_digest))
    backend.start()
    project_id = backend.drawn(2)
    task_id = films.request(backend.services, project_id, FilmRequest(resolution="64x64", fps=5, narration="none"))
    backend.wait(task_id, "finished")
    assert faults == []
    [film] = films.of_project(backend.services, project_id)
    assert (film.asset.details or {})["warnings"] == []
