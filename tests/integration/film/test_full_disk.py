"""A disk that is full when a film is made: an error of its own, whichever stage met it, and never a film without its pictures."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from common import host_faults
from common.errors import DiskFull, HostUnavailable
from service.film.frames.image_file import load_image
from service.film.frames.video_file import clip_seconds
from service.film.sound import reading
from tests.integration.film import material
from tests.integration.film.material import decode, difference, make, seen
from tests.support.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=24) as made:
        yield made


@pytest.mark.parametrize("room", [0, 100_000, 700_000])
def test_a_film_that_finds_no_room_says_so_and_is_whole_once_there_is(
    disk: SmallDisk, tmp_path: Path, room: int
) -> None:
    """The less room there is, the sooner it ends: at its first file, in a segment or the sound."""
    shots = material.shots(tmp_path / "in", 2)
    film = replace(
        material.spec(tmp_path, shots), cache_dir=disk.folder / "cache", output_dir=disk.folder / "out", threads=1
    )
    with disk.full([psutil.Process()]):
        if disk.mounted:
            os.truncate(disk.folder / "filler", (disk.folder / "filler").stat().st_size - room)
        with pytest.raises(DiskFull):
            make(film)
    report = make(film)
    assert report.warnings == ()
    frames = decode(report.film)
    for shot, timing in zip(shots, report.shots, strict=True):
        assert shot.image is not None
        middle = frames[int((timing.start + timing.end) / 2 * film.fps)]
        assert difference(middle[:120], seen(shot.image)[:120]) < 12


def test_a_disk_that_has_room_and_no_name_for_another_file_is_a_full_one(tmp_path: Path) -> None:
    """Be it that of the cache, or of the film."""
    shots = material.shots(tmp_path / "in", 1)
    with small_disk(tmp_path / "disk", megabytes=24, files=200) as disk:
        film = replace(material.spec(tmp_path, shots), cache_dir=tmp_path / "cache", output_dir=tmp_path / "out")
        on_it: list[dict[str, Any]] = [{"cache_dir": disk.folder / "cache"}, {"output_dir": disk.folder / "out"}]
        with disk.without_names() if disk.mounted else disk.full([psutil.Process()]):
            assert host_faults.is_full(disk.folder)
            for folders in on_it:
                with pytest.raises(DiskFull):
                    make(replace(film, **folders))
        for folders in on_it:
            assert make(replace(film, **folders)).warnings == ()


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_an_image_that_cannot_be_opened_here_is_not_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise OSError(number, "refused")

    path = material.image(tmp_path / "1.png", 1)
    monkeypatch.setattr(Image, "open", refuse)
    with pytest.raises(HostUnavailable):
        load_image(path, 1, (64, 64))


def _clip(path: Path) -> Any:
    return clip_seconds(path)


def _narration(path: Path) -> Any:
    return reading.look(path)


@pytest.mark.parametrize("read", [_clip, _narration])
def test_a_clip_or_a_narration_that_cannot_be_opened_here_is_not_a_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], Any]
) -> None:
    import av

    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise av.error.OSError(errno.EMFILE, "Too many open files")

    path = material.speech(tmp_path / "1.wav", 0.5)
    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(HostUnavailable):
        read(path)
