"""Killed, cancelled, out of time: no orphans, and what was made is not made again."""

from __future__ import annotations

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from common.errors import Cancelled, HostUnavailable
from service.film.compose import compose
from service.film.errors import FilmError
from service.film.spec import FilmReport, FilmSpec, Progress, Quality, RateControl
from tests.integration.film import material
from tests.integration.film.material import make
from tests.support.processes import below
from tests.support.soak import soaking
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[3]
# It stands still where it is to be killed, lest it be done before.
COMPOSE = """
import pickle, sys, threading, time
from pathlib import Path
from types import SimpleNamespace
from service.film.compose import compose
spec = pickle.loads(Path(sys.argv[1]).read_bytes())
parts = spec.cache_dir / "parts"
compose(spec, lambda _progress: time.sleep(600 if len(list(parts.rglob("*.mp4"))) >= 4 else 0), threading.Event())
"""


def work_folders(spec: FilmSpec) -> list[Path]:
    """What films at work have to themselves."""
    return [path for path in (spec.cache_dir / "work").iterdir() if path.is_dir()]


def count(report: FilmReport, name: str) -> int:
    number = report.log[name]
    assert isinstance(number, int)
    return number


def long_film(folder: Path, **options: object) -> FilmSpec:
    """Twelve shots of different images: long enough to be stopped in the middle."""
    shots = material.shots(folder / "in", 12, 1.5, text="清晨的阳光。", seed=5)
    return material.spec(folder, shots, **{"width": 640, "height": 360, "fps": 20, **options})


def children() -> set[int]:
    """Processes that make a film."""
    return {process.pid for process in below("service.film", "ffmpeg")}


@pytest.mark.parametrize("control", [RateControl.CRF, pytest.param(RateControl.TWO_PASS, marks=pytest.mark.soak)])
def test_a_film_whose_process_was_killed_goes_on_where_it_was_and_comes_out_the_same(
    tmp_path: Path, control: RateControl
) -> None:
    spec = long_film(tmp_path, rate_control=control, bitrate_kbps=600)
    (tmp_path / "spec").write_bytes(pickle.dumps(spec))
    parts = spec.cache_dir / "parts"
    with subprocess.Popen([sys.executable, "-c", COMPOSE, str(tmp_path / "spec")], cwd=ROOT) as process:
        try:
            wait_until(lambda: len(list(parts.rglob("*.mp4"))) >= 4, timeout=120)
            workers = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.send_signal(signal.SIGKILL)
        process.wait()
    assert workers
    wait_until(lambda: not any(worker.is_running() and worker.status() != "zombie" for worker in workers), timeout=30)
    again = make(spec)
    assert count(again, "segments_reused") >= 4
    whole = make(dataclasses.replace(spec, cache_dir=tmp_path / "other cache", output_dir=tmp_path / "other"))
    assert count(whole, "segments_reused") == 0
    assert count(again, "frames_made") < count(whole, "frames_made")
    assert again.film.read_bytes() == whole.film.read_bytes()
    assert again.cover.read_bytes() == whole.cover.read_bytes()
    assert not work_folders(spec), "the killed film's folder is cleared away"
    assert not (spec.output_dir / ".partial").exists()


@pytest.mark.parametrize("quality", soaking(Quality, keep=1))
def test_what_a_worker_made_before_does_not_show_in_a_segments_bytes(tmp_path: Path, quality: Quality) -> None:
    """A film that goes on after a crash has its segments from other workers than one that was made at once."""
    shots = material.shots(tmp_path / "in", 3, text="字幕")
    films = [make(material.spec(tmp_path / str(n), shots, quality=quality, threads=n)).film for n in (1, 2, 3)]
    assert len({film.read_bytes() for film in films}) == 1


def test_of_one_changed_image_only_its_own_segments_are_made_anew(tmp_path: Path) -> None:
    shots = list(material.shots(tmp_path / "in", 5, 0.6, seed=5))
    spec = material.spec(tmp_path, shots)
    whole = make(spec)
    nothing = make(dataclasses.replace(spec, output_dir=tmp_path / "same"))
    assert count(nothing, "frames_made") == 0
    assert nothing.film.read_bytes() == whole.film.read_bytes()
    shots[2] = dataclasses.replace(shots[2], image=material.image(tmp_path / "new.png", 99))
    changed = make(dataclasses.replace(spec, shots=tuple(shots), output_dir=tmp_path / "changed"))
    assert count(changed, "segments_made") == 3
    assert changed.film.read_bytes() != whole.film.read_bytes()


@pytest.mark.parametrize("stage", soaking(["plan", "picture", "sound", "join"], keep=3))
def test_a_cancel_ends_it_within_a_second_and_leaves_no_process_and_no_file(tmp_path: Path, stage: str) -> None:
    """The second is the promise of an idle machine; a busy one gets many."""
    before = children()
    spec = long_film(tmp_path)
    cancel = threading.Event()
    asked: list[float] = []

    def progress(said: Progress) -> None:
        # In mid-stage, where it has a middle.
        if not asked and said.stage == stage and (stage != "picture" or said.fraction > 0.3):
            cancel.set()
            asked.append(time.monotonic())

    with pytest.raises(Cancelled):
        compose(spec, progress, cancel)
    assert time.monotonic() - asked[0] < 30
    assert children() <= before
    assert not spec.output_dir.exists()
    assert not work_folders(spec)
    assert not list(spec.cache_dir.rglob("*.part"))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("film")]


def test_a_cancelled_film_leaves_the_files_of_an_earlier_one_alone(tmp_path: Path) -> None:
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 2, 0.4))
    film = make(spec).film
    before = film.read_bytes()
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        compose(dataclasses.replace(spec, title="another"), lambda _progress: None, cancel)
    assert film.read_bytes() == before
    assert sorted(path.name for path in spec.output_dir.iterdir()) == ["cover.jpg", "film.mp4"]


def test_over_its_time_limit_it_fails_and_leaves_nothing(tmp_path: Path) -> None:
    before = children()
    spec = long_film(tmp_path, timeout_s=0.8)
    with pytest.raises(FilmError, match=r"时限 0\.8 秒") as caught:
        make(spec)
    assert caught.value.stage == "timeout"
    assert children() <= before
    assert not spec.output_dir.exists()


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets an hour pass, as the time limits see it."""
    passed: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(passed))
    monkeypatch.setattr("service.film.control.time", clock)
    return lambda: passed.append(3600.0)


@pytest.mark.parametrize("stage", ["plan", "picture", "sound", "join"])
def test_over_its_time_limit_it_is_the_limit_that_is_told_at_every_stage(
    tmp_path: Path, later: Callable[[], None], stage: str
) -> None:
    spec = material.spec(tmp_path, material.shots(tmp_path / "in", 2, 0.4), timeout_s=600.0)
    with pytest.raises(FilmError, match="时限 600 秒") as caught:
        compose(spec, lambda said: later() if said.stage == stage else None, threading.Event())
    assert caught.value.stage == "timeout"
    assert not spec.output_dir.exists()


@pytest.mark.parametrize(("fate", "error"), [(signal.SIGSEGV, FilmError), (signal.SIGKILL, HostUnavailable)])
def test_a_worker_that_dies_is_an_error_of_its_shot_and_one_that_is_killed_the_machines(
    tmp_path: Path, fate: signal.Signals, error: type[Exception]
) -> None:
    before = children()
    spec = long_film(tmp_path, threads=1)
    killed: list[int] = []

    def progress(said: Progress) -> None:
        if said.stage == "picture" and said.fraction > 0.2 and not killed:
            killed.extend(children() - before)
            for pid in killed:
                os.kill(pid, fate)

    with pytest.raises(error, match=r"工作进程意外结束|被系统或他人终止") as caught:
        compose(spec, progress, threading.Event())
    assert killed
    assert getattr(caught.value, "shot", 1) is not None
    assert not spec.output_dir.exists()
    assert count(make(spec), "segments_reused") > 0
