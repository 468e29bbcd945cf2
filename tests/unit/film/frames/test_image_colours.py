"""Images whose numbers are no 8-bit sRGB: profiles, transparency, sixteen bits and floating point."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageFilter

from service.film.frames.image_file import check_image, load_image

SIZE = (40, 30)
Pixels = npt.NDArray[np.uint8]
# Display P3's red, green and blue in CIE XYZ under D50, as its profiles have them.
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))


def _profile(space: bytes, gamma: float) -> bytes:
    """A small ICC profile (version 2): Display P3's primaries, or grey, with one exponent."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + bytes(2)
    white = _xyz((0.9642, 1.0, 0.8249))
    tags = [(b"wtpt", white), (b"kTRC", curve)]
    if space == b"RGB ":
        tags = [(b"wtpt", white), *((name + b"TRC", curve) for name in (b"r", b"g", b"b"))]
        tags += [(name + b"XYZ", _xyz(each)) for name, each in zip((b"r", b"g", b"b"), P3, strict=True)]
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x02100000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)
    return header.ljust(128, b"\0") + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


WIDE, LINEAR_GREY = _profile(b"RGB ", 2.2), _profile(b"GRAY", 1.0)


def _colours() -> Image.Image:
    """Soft, and saturated in places."""
    image = Image.new("RGB", SIZE, (200, 60, 40))
    image.paste((40, 190, 80), (13, 0, 26, 30))
    image.paste((90, 90, 90), (26, 0, 40, 30))
    return image.filter(ImageFilter.BoxBlur(2))


def _by_hand(image: Image.Image, profile: bytes) -> Pixels:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    shown = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert shown is not None
    return np.asarray(shown)


def _on_white(rgb: Pixels, alpha: int) -> npt.NDArray[np.float64]:
    return np.asarray(rgb * (alpha / 255) + 255 * (1 - alpha / 255), np.float64)


def _shown(path: Path) -> Pixels:
    check_image(path)
    return load_image(path, 1, SIZE)


def _off(one: npt.NDArray[np.generic], two: npt.NDArray[np.generic]) -> float:
    return float(np.abs(one.astype(float) - two.astype(float)).max())


def test_the_profile_of_these_tests_shifts_colours() -> None:
    assert _off(_by_hand(_colours(), WIDE), np.asarray(_colours())) > 15


@pytest.mark.parametrize("alpha", [255, 180, 0])
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tiff"])
def test_a_profile_holds_for_images_with_transparency(tmp_path: Path, name: str, alpha: int) -> None:
    image = _colours()
    image.putalpha(alpha)
    image.save(tmp_path / name, icc_profile=WIDE, lossless=True)
    assert _off(_shown(tmp_path / name), _on_white(_by_hand(_colours(), WIDE), alpha)) <= 2


def test_a_profile_holds_for_palettes(tmp_path: Path) -> None:
    image = _colours().quantize(16)
    image.save(tmp_path / "a.png", icc_profile=WIDE)
    assert _off(_shown(tmp_path / "a.png"), _by_hand(image.convert("RGB"), WIDE)) <= 1


def test_a_profile_holds_for_palettes_with_transparency(tmp_path: Path) -> None:
    image = _colours().quantize(16)
    image.save(tmp_path / "a.png", icc_profile=WIDE, transparency=bytes([120] * 16))
    assert _off(_shown(tmp_path / "a.png"), _on_white(_by_hand(image.convert("RGB"), WIDE), 120)) <= 2


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_holds_for_grey_images(tmp_path: Path, mode: str) -> None:
    image = _colours().convert("L")
    saved = image.copy()
    if mode == "LA":
        saved.putalpha(180)
    saved.save(tmp_path / "a.png", icc_profile=LINEAR_GREY)
    wanted = _by_hand(image, LINEAR_GREY)
    assert _off(wanted, np.asarray(image.convert("RGB"))) > 15
    assert _off(_shown(tmp_path / "a.png"), _on_white(wanted, 180) if mode == "LA" else wanted) <= 2


def test_a_profile_holds_for_sixteen_bits(tmp_path: Path) -> None:
    grey = _colours().convert("L")
    wide = np.asarray(grey).astype(np.uint16) * 257
    Image.fromarray(wide).save(tmp_path / "a.png", icc_profile=LINEAR_GREY)
    assert _off(_shown(tmp_path / "a.png"), _by_hand(grey, LINEAR_GREY)) <= 1


def test_a_profile_of_other_colours_than_the_image_is_ignored(tmp_path: Path) -> None:
    _colours().save(tmp_path / "a.png", icc_profile=LINEAR_GREY)
    assert _off(_shown(tmp_path / "a.png"), np.asarray(_colours())) == 0
    _colours().convert("CMYK").save(tmp_path / "a.jpg", icc_profile=WIDE, quality=95)
    _colours().convert("CMYK").save(tmp_path / "b.jpg", quality=95)
    assert np.array_equal(_shown(tmp_path / "a.jpg"), _shown(tmp_path / "b.jpg"))


def test_a_profile_cut_off_is_ignored(tmp_path: Path) -> None:
    for name in ("a.png", "a.webp"):
        image = _colours()
        image.putalpha(255)
        image.save(tmp_path / name, icc_profile=WIDE[:150], lossless=True)
        assert _off(_shown(tmp_path / name), np.asarray(_colours())) == 0


@pytest.mark.parametrize("largest", [0, 200, 255, 256, 4000, 65535])
def test_sixteen_bit_grey_is_as_bright_as_its_numbers_say(tmp_path: Path, largest: int) -> None:
    ramp = np.tile(np.linspace(0, largest, SIZE[0]).astype(np.uint16), (SIZE[1], 1))
    for name in ("a.png", "a.tiff"):
        Image.fromarray(ramp).save(tmp_path / name)
        assert _off(_shown(tmp_path / name)[:, :, 0], ramp / 257) <= 1


@pytest.mark.parametrize(("scale", "white"), [(1.0, 1), (0.02, 1), (3.0, 1), (255.0, 255), (65535.0, 65535)])
def test_floating_point_is_shown_from_black_to_its_white(tmp_path: Path, scale: float, white: int) -> None:
    ramp = np.tile(np.linspace(0, scale, SIZE[0]).astype(np.float32), (SIZE[1], 1))
    ramp[0, 0], ramp[0, 1], ramp[0, 2] = np.nan, np.inf, -np.inf
    Image.fromarray(ramp).save(tmp_path / "a.tiff")
    assert _off(_shown(tmp_path / "a.tiff")[1:, :, 0], (ramp[1:] / white * 255).clip(0, 255)) <= 1


def _transparent_grey(path: Path) -> None:
    wide = np.full((30, 40), 30_000, np.uint16)
    wide[:, :20] = 200
    Image.fromarray(wide).save(path, transparency=200)


def _transparent_grey_of_four(path: Path) -> None:
    """Two bits a pixel, of which number 1 is transparent; written by hand, since Pillow writes none."""
    _png(path, 2, 0, bytes([0b01010101] * 5 + [0b10101010] * 5), struct.pack(">H", 1))


def _transparent_colour_of_sixteen(path: Path) -> None:
    _png(
        path,
        16,
        2,
        struct.pack(">3H", 9000, 0, 0) * 20 + struct.pack(">3H", 30_000, 0, 0) * 20,
        struct.pack(">3H", 9000, 0, 0),
    )


def _png(path: Path, depth: int, colour: int, row: bytes, transparency: bytes) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", *SIZE, depth, colour, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"tRNS", transparency) + chunk(b"IDAT", zlib.compress((b"\0" + row) * 30))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b""))


@pytest.mark.parametrize("make", [_transparent_grey, _transparent_grey_of_four, _transparent_colour_of_sixteen])
def test_a_transparent_colour_is_white_in_every_depth(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "a.png")
    shown = _shown(tmp_path / "a.png")
    assert shown[:, :20].min() == 255
    assert shown[:, 20:, 1].max() < 200
