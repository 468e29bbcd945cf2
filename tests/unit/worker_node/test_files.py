"""The output folder: what of an earlier run is cleaned up, and what is nobody's business."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.wait import wait_until
from worker_node.files import OutputFolder
from worker_node.job_store import JobStore
from worker_node.ledger import Ledger
from worker_node.worker_threads import WorkerThreads

HOUR_S = 3600.0


@pytest.fixture
def files(tmp_path: Path) -> Iterator[OutputFolder]:
    folder = OutputFolder(tmp_path / "output")
    yield folder
    folder.close()


def folder_of_old(files: OutputFolder, name: str = "") -> Path:
    folder = files.root / (name or str(uuid.uuid4()))
    folder.mkdir()
    (folder / "image.png").touch()
    os.utime(folder, (0, 0))
    return folder


def test_old_results_are_strays_and_young_ones_are_not(files: OutputFolder) -> None:
    old = folder_of_old(files)
    (files.root / str(uuid.uuid4())).mkdir()
    assert files.strays(HOUR_S) == [old.name]


def test_what_no_job_made_is_no_stray(files: OutputFolder) -> None:
    """Somebody's folder of films may have been named as the node's output."""
    for name in ("holiday", "2024-05-01", "B" + str(uuid.uuid4())[1:], str(uuid.uuid4()) + " (copy)", ".hidden"):
        folder_of_old(files, name)
    (files.root / str(uuid.uuid4())).symlink_to(folder_of_old(files, "target"))
    assert files.strays(HOUR_S) == []


def test_a_folder_that_vanishes_meanwhile_is_passed_over(files: OutputFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    left, vanishing = folder_of_old(files), folder_of_old(files)
    listed = os.scandir

    @contextmanager
    def scandir(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with listed(path) as entries:
            found = list(entries)
        monkeypatch.undo()
        files.remove(vanishing.name)
        yield iter(found)

    monkeypatch.setattr("worker_node.files.os.scandir", scandir)
    assert files.strays(HOUR_S) == [left.name]


def test_the_janitor_outlives_a_folder_that_cannot_be_read(
    files: OutputFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("worker_node.worker_threads.SWEEP_S", 0.01)
    old, away = folder_of_old(files), files.root.with_name("away")
    files.root.rename(away)
    ledger = Ledger(Path(":memory:"))
    job_store = JobStore(
        ledger,
        queue=1,
        keep_jobs=1,
        keep_seconds=HOUR_S,
        on_end=lambda _job: None,
        forget=files.remove,
    )
    worker_threads = WorkerThreads(job_store, files, concurrency={}, providers={}, job_seconds=1, keep_seconds=HOUR_S)
    worker_threads.start()
    try:
        wait_until(lambda: "FileNotFoundError" in caplog.text, what="a sweep that fails")
        away.rename(files.root)
        wait_until(lambda: not old.exists(), what="a sweep that does not")
    finally:
        worker_threads.close(60)
        ledger.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "janitor"]
