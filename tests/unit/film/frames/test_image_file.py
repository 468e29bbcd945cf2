"""Still images of every kind, and files that only pretend to be one."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from service.film.errors import FilmError, UnusableMedia
from service.film.frames.image_file import check_image, load_image

SIZE = (64, 48)
RED, GREEN = (200, 30, 30), (30, 180, 40)


def _halves(mode: str = "RGB") -> Image.Image:
    """Left red, right green."""
    image = Image.new("RGB", SIZE, RED)
    image.paste(GREEN, (SIZE[0] // 2, 0, *SIZE))
    return image.convert(mode)


def _close(pixel: object, colour: tuple[int, int, int], tolerance: int = 35) -> bool:
    return bool(np.abs(np.asarray(pixel, int) - colour).max() <= tolerance)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("a.png", "RGB"),
        ("a.jpg", "RGB"),
        ("a.webp", "RGB"),
        ("a.gif", "P"),
        ("a.png", "P"),
        ("a.bmp", "RGB"),
        ("a.tiff", "RGB"),
    ],
)
def test_common_formats_are_read(tmp_path: Path, name: str, mode: str) -> None:
    _halves(mode).save(tmp_path / name)
    rgb = load_image(tmp_path / name, 1, SIZE)
    assert rgb.shape == (48, 64, 3)
    assert _close(rgb[20, 10], RED)
    assert _close(rgb[20, 50], GREEN)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    _halves().save(tmp_path / "picture.mp3", format="PNG")
    assert load_image(tmp_path / "picture.mp3", 1, SIZE).shape == (48, 64, 3)


def test_a_cmyk_jpeg_keeps_its_colours(tmp_path: Path) -> None:
    _halves("CMYK").save(tmp_path / "a.jpg", quality=95)
    rgb = load_image(tmp_path / "a.jpg", 1, SIZE)
    assert _close(rgb[20, 10], RED, 40)
    assert _close(rgb[20, 50], GREEN, 40)


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    Image.fromarray(np.tile(ramp, (48, 1))).save(tmp_path / "a.png")
    rgb = load_image(tmp_path / "a.png", 1, SIZE)
    assert int(rgb[0, 0, 0]) == 0
    assert 120 <= int(rgb[0, 32, 0]) <= 135
    assert int(rgb[0, 63, 0]) == 255


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    image = _halves("RGBA")
    image.putalpha(Image.new("L", SIZE, 0))
    image.save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png", 1, SIZE).min() == 255


def test_a_camera_held_upright_gives_an_upright_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise to be seen
    _halves().save(tmp_path / "a.jpg", exif=exif)
    rgb = load_image(tmp_path / "a.jpg", 1, SIZE)
    assert rgb.shape == (64, 48, 3)
    assert _close(rgb[8, 24], RED, 40)


def test_an_animation_gives_its_first_image(tmp_path: Path) -> None:
    _halves().save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", SIZE, "blue")])
    assert _close(load_image(tmp_path / "a.gif", 1, SIZE)[20, 10], RED)


@pytest.mark.parametrize("profile", [b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_a_colour_profile_is_applied_or_ignored_but_never_fatal(tmp_path: Path, profile: bytes) -> None:
    _halves().save(tmp_path / "a.png", icc_profile=profile)
    assert _close(load_image(tmp_path / "a.png", 1, SIZE)[20, 10], RED)


def test_a_large_jpeg_is_decoded_at_a_fraction(tmp_path: Path) -> None:
    Image.new("RGB", (4000, 3000), RED).save(tmp_path / "a.jpg")
    rgb = load_image(tmp_path / "a.jpg", 1, (320, 240))
    assert 640 <= rgb.shape[1] < 4000


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(20_000, 20_000), (100_000, 1), (1, 100_000), (12_000, 9_000)])
def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(_png_header(*size))
    with pytest.raises(FilmError, match=r"镜头 7.*太大"):
        load_image(tmp_path / "a.png", 7, SIZE)


@pytest.mark.parametrize("size", [(21, 1), (1, 21), (30_000, 1_499)])
def test_a_narrow_image_is_refused_by_the_limit(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(_png_header(*size))
    with pytest.raises(FilmError, match=r"镜头 7.*太窄.*20 倍"):
        load_image(tmp_path / "a.png", 7, SIZE)
    with pytest.raises(UnusableMedia, match=r"太窄.*20 倍"):
        check_image(tmp_path / "a.png")


@pytest.mark.parametrize("keep", [0, 1, 20, 60, 200, -2000])
def test_a_truncated_image_is_refused_by_the_shots_number(tmp_path: Path, keep: int) -> None:
    rng = np.random.default_rng(1)
    Image.fromarray(rng.integers(0, 255, (48, 64, 3), np.uint8)).save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[:keep])
    with pytest.raises(FilmError) as caught:
        load_image(tmp_path / "a.png", 3, SIZE)
    assert caught.value.shot == 3


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        b"<svg/>",
        b"GIF89a",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
    ],
)
def test_what_is_no_image_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(FilmError, match="镜头 2"):
        load_image(tmp_path / "a.png", 2, SIZE)
