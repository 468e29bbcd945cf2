"""Pictures of many makes: let in as what they are, and shown by a film, field by field."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from common.errors import BadNodeResult
from service.assets.media_type import Kind, sniff
from service.film.errors import UnusableMedia
from service.film.frames.image_file import check_image
from service.film.spec import FilmShot, Subtitles, Transition
from tests.integration.field import picture_files as make
from tests.integration.field.picture_files import FIELDS, GREYS, Colours, Picture
from tests.integration.film import material

FPS, EACH_S = 10, 0.3
WHITE = (255, 255, 255)
P3 = make.profile(make.CORNERS_P3, 2.2)
ADOBE = make.profile(make.CORNERS_ADOBE, 563 / 256)
SHOWN_P3 = make.in_srgb(FIELDS, make.CORNERS_P3, 2.2)
SHOWN_ADOBE = make.in_srgb(FIELDS, make.CORNERS_ADOBE, 563 / 256)
LABEL = b'{"AIGC":{"Label":"1","ContentProducer":"app"}}'
HALF: Colours = tuple(tuple((c + 255) // 2 for c in colour) for colour in FIELDS)  # type: ignore[assignment]
ONLY_THREE: Colours = (*FIELDS[:3], WHITE)
TURNED: Colours = (FIELDS[2], FIELDS[0], FIELDS[3], FIELDS[1])


def _deep(factor: int) -> npt.NDArray[np.uint16]:
    return make.fields().astype(np.uint16) * factor


def _deep_alpha(alpha: int) -> npt.NDArray[np.uint16]:
    return np.dstack([_deep(257), np.full(make.SIZE[::-1], alpha, np.uint16)])


def _grey(scale: float, kind: type[np.generic]) -> npt.NDArray[np.generic]:
    return (make.fields(GREYS)[..., 0].astype(float) * scale).astype(kind)


def _light(kind: type[np.float16 | np.float32]) -> npt.NDArray[np.generic]:
    return (make.fields() / 255).astype(kind)


def _cut(data: bytes, less: int, behind: bytes = b"") -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data[: len(data) - less] + behind)


def _large(**options: object) -> bytes:
    """A JPEG of enough bytes that some may lack at its end."""
    pixels = make.fields(size=(960, 640)).astype(int) + np.random.default_rng(1).integers(-3, 4, (640, 960, 3))
    return make.encoded("JPEG", Image.fromarray(pixels.astype(np.uint8)), quality=90, **options)


NOTES = [
    Picture("PNG, label in eXIf behind the JPEG prefix", make.png_with(make.chunk(b"eXIf", b"Exif\0\0" + LABEL))),
    Picture("PNG, eXIf of blanks, last", make.png_with(make.chunk(b"eXIf", b" " * 40), last=True)),
    Picture("PNG, two eXIf, the first none", make.png_with(make.chunk(b"eXIf", LABEL), make.chunk(b"eXIf", b"MM\0*"))),
    Picture("JPEG, label in place of Exif", make.jpeg_with(b"\xe1Exif\0\0" + LABEL)),
    Picture("JPEG, Exif cut off by a messenger", make.jpeg_with(b"\xe1Exif\0\0" + make.exif_with(6)[:13])),
    Picture("JPEG, no such orientation", make.jpeg_with(b"\xe1Exif\0\0" + make.exif_with(9))),
    Picture("JPEG, XMP that is no XML", make.jpeg_with(b"\xe1http://ns.adobe.com/xap/1.0/\0<x:xmp" + LABEL)),
    Picture("JPEG, Photoshop's resources cut off", make.jpeg_with(b"\xedPhotoshop 3.0\x008BIM\x04\x04\0\0\xff\xff\xff\xff")),
    Picture("WebP, label in place of Exif", make.webp_with(b"EXIF", LABEL)),
    Picture("WebP, Exif that points outside", make.webp_with(b"EXIF", b"II*\0\xf0\xff\xff\x7f")),
    Picture("PNG, 2 MB of workflow", make.save(Image.fromarray(make.fields()), "PNG", pnginfo=make.workflow(2_000_000))),
    Picture("PNG, 70 MB of text in 70 chunks", make.png_with(*make.text_chunks(70, 1_000_000))),
    Picture("PNG, 3 MB of text behind the pixels", make.png_with(*make.text_chunks(1, 3_000_000), last=True)),
    Picture("PNG, wrong sums in time, gamma, density", make.png_with(
        make.chunk(b"tIME", bytes(7), crc=1), make.chunk(b"gAMA", struct.pack(">I", 45455), crc=2),
        make.chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1), crc=3))),
    Picture("PNG, wrong sum in text behind the pixels", make.png_with(make.chunk(b"tEXt", b"a\0b", crc=7), last=True)),
    Picture("PNG, a CMYK profile of 1.5 MB", make.png_with(
        make.chunk(b"iCCP", b"print\0\0" + zlib.compress(bytes(36) + b"acsp" + bytes(1_500_000))))),
    Picture("PNG, a chunk of a program's own", make.png_with(make.chunk(b"caBX", LABEL * 30_000))),
    Picture("PNG, zeros behind its end", lambda path: path.write_bytes(make.encoded("PNG") + bytes(5000))),
    Picture("JPEG, the second of three parts of a profile", make.jpeg_with(b"\xe2ICC_PROFILE\0\x02\x03" + P3)),
    Picture("WebP, no profile in place of one", make.webp_with(b"ICCP", b"sRGB" * 50)),
]  # fmt: skip
PROFILES = [
    Picture("WebP with alpha, Adobe RGB", make.save(make.rgba(), "WEBP", lossless=True, icc_profile=ADOBE), SHOWN_ADOBE),
    Picture("TIFF with alpha, Display P3", make.icc_in_tiff(make.rgba(), P3), SHOWN_P3),
    Picture("JPEG, Display P3", make.save(Image.fromarray(make.fields()), "JPEG", quality=95, icc_profile=P3), SHOWN_P3),
    Picture("PNG, palette, Adobe RGB", make.save(
        Image.fromarray(make.fields()).quantize(8), "PNG", icc_profile=ADOBE), SHOWN_ADOBE),
    Picture("PNG, 16 bits, Display P3", make.png_with(
        make.chunk(b"iCCP", b"p\0\0" + zlib.compress(P3)), data=make.cv2_bytes(_deep(257), ".png")), SHOWN_P3),
    Picture("PNG, half transparent, Display P3", make.save(make.rgba(128), "PNG", icc_profile=P3), tuple(  # type: ignore[arg-type]
        tuple((c + 255) // 2 for c in colour) for colour in SHOWN_P3)),
    Picture("PNG, grey with alpha, gamma 1.8", make.save(
        Image.fromarray(make.fields(GREYS)).convert("LA"), "PNG", icc_profile=make.grey_profile(1.8)),
        make.in_srgb(GREYS, make.CORNERS_SRGB, 1.8)),
    Picture("AVIF with alpha, Display P3", make.save(make.rgba(), "AVIF", quality=95, icc_profile=P3), SHOWN_P3),
]  # fmt: skip
DEPTHS = [
    Picture("JPEG cut before its end mark, a messenger's note behind", _cut(_large(), 2, b"WX\0\0")),
    Picture("JPEG, progressive, 50 bytes short", _cut(_large(progressive=True), 50)),
    Picture("JPEG, zeros in place of its last bytes", _cut(_large(), 40, bytes(40))),
    Picture("JPEG, a second picture and a film behind", make.multi_picture()),
    Picture("TIFF, 32-bit float grey", make.tiff(_grey(1 / 255, np.float32)), GREYS),
    Picture("TIFF, 16-bit RGB", make.tiff(_deep(257))),
    Picture("TIFF, 16-bit grey, 0 is white", make.tiff(65535 - _grey(257, np.uint16), photometric=0), GREYS),
    Picture("PNG, dark 16-bit RGB", make.cv2_file(_deep(64), ".png"), tuple(  # type: ignore[arg-type]
        tuple(c // 4 for c in colour) for colour in FIELDS)),
    Picture("PNG, dark 16-bit grey of 12 bits", make.cv2_file(_grey(16, np.uint16), ".png"), tuple(  # type: ignore[arg-type]
        tuple(c // 16 for c in colour) for colour in GREYS)),
    Picture("PNG, 16 bits, half transparent", make.cv2_file(_deep_alpha(32768), ".png"), HALF),
    Picture("GIF, transparent field", make.save(make.palette(), "GIF", transparency=0), ONLY_THREE),
    Picture("PNG, palette, transparent field", make.save(make.palette(), "PNG", transparency=0), ONLY_THREE),
]  # fmt: skip

OTHERS = [
    Picture("PNG, interlaced", lambda path: path.write_bytes(make.interlaced())),
    Picture("PNG, wrong sum of the pixels", lambda path: path.write_bytes(make.without_sum(make.encoded("PNG")))),
    Picture("PNG, its end is missing", lambda path: path.write_bytes(make.encoded("PNG")[:-12])),
    Picture("PNG, one colour is transparent", make.save(Image.fromarray(make.fields()), "PNG", transparency=FIELDS[3]), ONLY_THREE),
    Picture("PNG, animated", make.save(
        Image.fromarray(make.fields()), "PNG", save_all=True, append_images=[Image.new("RGB", make.SIZE)])),
    Picture("WebP, animated", make.save(
        Image.fromarray(make.fields()), "WEBP", save_all=True, append_images=[Image.new("RGB", make.SIZE)], lossless=True)),
    Picture("WebP, turned by Exif", make.save(Image.fromarray(make.fields()), "WEBP", lossless=True, exif=make.exif_with(6)), TURNED),
    Picture("JPEG, turned, a second picture behind", make.multi_picture(6), TURNED),
    Picture("JPEG, a profile of greys on colours", make.save(
        Image.fromarray(make.fields()), "JPEG", quality=95, icc_profile=make.grey_profile(1.0))),
    Picture("JPEG, RGB without conversion", make.save(Image.fromarray(make.fields()), "JPEG", quality=95, keep_rgb=True)),
    Picture("JPEG, CMYK", make.save(Image.fromarray(make.fields()).convert("CMYK"), "JPEG", quality=95)),
]  # fmt: skip
REFUSED = {
    "TIFF, 32-bit float RGB": make.tiff(_light(np.float32)),
    "TIFF, 64-bit float grey": make.tiff(_grey(1 / 255, np.float64)),
    "TIFF, 16-bit float RGB": make.tiff(_light(np.float16)),
}
"""What Pillow cannot read."""
ALL = [*NOTES, *PROFILES, *DEPTHS, *OTHERS]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every picture, without a name that would tell its make."""
    folder = tmp_path_factory.mktemp("pictures")
    files = {picture.name: folder / f"{number}" for number, picture in enumerate(ALL)}
    for picture in ALL:
        picture.write(files[picture.name])
    return files


@pytest.fixture(scope="module")
def film(
    written: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, material.Rgb], list[str]]:
    """One film of all of them: the frame that shows each, and the film's warnings."""
    shots = [
        FilmShot(number, image=path, transition=Transition.CUT, minimum_s=EACH_S, title="-")
        for number, path in enumerate(written.values(), 1)
    ]
    spec = material.spec(
        tmp_path_factory.mktemp("film"), shots, width=96, height=64, fps=FPS, subtitles=Subtitles.OFF, breath_s=0.0
    )
    report = material.make(spec)
    frames = material.decode(report.film)
    middles = [frames[round((timing.start + timing.end) / 2 * FPS)] for timing in report.shots]
    return dict(zip(written, middles, strict=True)), list(report.warnings)


@pytest.mark.parametrize("picture", ALL, ids=lambda picture: picture.name)
def test_a_picture_is_let_in_and_shown_as_a_viewer_shows_it(
    picture: Picture, written: dict[str, Path], film: tuple[dict[str, material.Rgb], list[str]]
) -> None:
    if picture.name.startswith(("PNG", "JPEG", "WebP")):  # what a model node may leave
        assert sniff(written[picture.name], Kind.IMAGE)
    check_image(written[picture.name])
    shown = make.shown_fields(film[0][picture.name])
    assert np.abs(shown - np.array(picture.fields)).max() <= picture.tolerance, shown.round()


def test_a_film_of_them_all_has_nothing_to_tell(film: tuple[dict[str, material.Rgb], list[str]]) -> None:
    assert film[1] == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_film_cannot_show_is_not_let_in(name: str, tmp_path: Path) -> None:
    REFUSED[name](tmp_path / "a.tiff")
    with pytest.raises(UnusableMedia, match="不是可识别的图片"):
        check_image(tmp_path / "a.tiff")
    with pytest.raises(BadNodeResult):
        sniff(tmp_path / "a.tiff", Kind.IMAGE)


def test_the_profile_of_the_primaries_makes_a_difference() -> None:
    """Else the colours above would prove nothing."""
    for shown in (SHOWN_P3, SHOWN_ADOBE):
        assert np.abs(np.array(shown) - FIELDS).max() > 17
