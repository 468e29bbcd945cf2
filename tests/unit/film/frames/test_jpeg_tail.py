"""JPEG files that end too early: shown where the picture is there, refused where a part of it is not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.film.errors import FilmError, UnusableMedia
from service.film.frames.image_file import check_image, load_image

SIZE = (160, 120)
KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "its own codes": {"optimize": True},
    "restarts": {"restart_marker_rows": 1},
    "full colours": {"subsampling": 0, "quality": 95},
}


def _jpeg(pattern: str, mode: str = "RGB", **options: Any) -> bytes:
    pixels = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    if pattern == "noise":
        pixels = np.random.default_rng(5).integers(0, 255, pixels.shape, np.uint8)
    elif pattern == "ramp":
        pixels = pixels // 2 + np.linspace(0, 127, SIZE[0]).astype(np.uint8)[None, :, None]
    with io.BytesIO() as file:
        Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
        return file.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("pattern", ["noise", "ramp", "flat"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_without_its_end_marker_is_shown_as_with_it(tmp_path: Path, kind: str, pattern: str, mode: str) -> None:
    data = _jpeg(pattern, mode, **KINDS[kind])
    (tmp_path / "whole.jpg").write_bytes(data)
    for lost in (1, 2):
        (tmp_path / "a.jpg").write_bytes(data[:-lost])
        check_image(tmp_path / "a.jpg")
        assert np.array_equal(load_image(tmp_path / "a.jpg", 1, SIZE), load_image(tmp_path / "whole.jpg", 1, SIZE))


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_bytes_of_the_picture_may_be_missing_too(tmp_path: Path, kind: str) -> None:
    data = _jpeg("noise", **KINDS[kind])
    (tmp_path / "a.jpg").write_bytes(data[:-12])
    check_image(tmp_path / "a.jpg")
    (tmp_path / "whole.jpg").write_bytes(data)
    off = np.abs(load_image(tmp_path / "a.jpg", 1, SIZE).astype(int) - load_image(tmp_path / "whole.jpg", 1, SIZE))
    assert (off.max(axis=2) > 0).mean() < 0.02


@pytest.mark.parametrize("pattern", ["noise", "ramp"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_that_lacks_a_part_of_its_picture_is_refused(tmp_path: Path, kind: str, mode: str, pattern: str) -> None:
    data = _jpeg(pattern, mode, **KINDS[kind])
    start = data.rindex(b"\xff\xda") if "progressive" not in KINDS[kind] else data.index(b"\xff\xda")
    for share in (0.0, 0.1, 0.5, 0.67, 0.9):
        (tmp_path / "a.jpg").write_bytes(data[: start + round((len(data) - start) * share)])
        with pytest.raises(UnusableMedia):
            check_image(tmp_path / "a.jpg")
        with pytest.raises(FilmError, match="镜头 4"):
            load_image(tmp_path / "a.jpg", 4, SIZE)


def test_a_progressive_jpeg_that_ends_between_two_scans_is_refused(tmp_path: Path) -> None:
    data = _jpeg("noise", progressive=True)
    last = data.rindex(b"\xff\xda")
    for end in (data.rindex(b"\xff\xc4"), last, last + 6):
        (tmp_path / "a.jpg").write_bytes(data[:end])
        with pytest.raises(UnusableMedia):
            check_image(tmp_path / "a.jpg")
