"""Pictures as cameras, browsers and image programs write them: four fields of colour each, and what is broken or rare around them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, TiffImagePlugin

SIZE = (96, 64)
Colours = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
Array = npt.NDArray[np.float64]
FIELDS: Colours = ((200, 40, 40), (40, 170, 60), (50, 60, 190), (220, 200, 60))
"""Top left, top right, bottom left, bottom right."""
GREYS: Colours = ((30, 30, 30), (90, 90, 90), (150, 150, 150), (220, 220, 220))
TIFF_ICC, TIFF_SAMPLE_FORMAT = 34675, 339
CORNERS_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
CORNERS_ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
CORNERS_SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
D65_XY, D50 = (0.3127, 0.3290), np.array([0.9642, 1.0, 0.8249])


@dataclass(frozen=True)
class Picture:
    """A way to write one, and the fields that a viewer shows of it."""

    name: str
    write: Callable[[Path], object]
    fields: Colours = FIELDS
    tolerance: int = 14


def fields(colours: Colours = FIELDS, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """The four fields, as pixels."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    middle_x, middle_y = size[0] // 2, size[1] // 2
    pixels[:middle_y, :middle_x], pixels[:middle_y, middle_x:], pixels[middle_y:, :middle_x] = colours[:3]
    pixels[middle_y:, middle_x:] = colours[3]
    return pixels


def shown_fields(frame: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The mean colour in the middle of each field of a frame: 4×3."""
    height, width = frame.shape[:2]
    ys, xs = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    found = [frame[y - 4 : y + 5, x - 4 : x + 5].reshape(-1, 3).mean(axis=0) for y in ys for x in xs]
    return np.array(found)


def encoded(form: str, image: Image.Image | None = None, **options: object) -> bytes:
    """An image file's bytes."""
    with io.BytesIO() as file:
        (image or Image.fromarray(fields())).save(file, form, **options)
        return file.getvalue()


def chunk(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    """A chunk of a PNG."""
    return (
        struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body) if crc is None else crc)
    )


def png_with(*chunks: bytes, last: bool = False, data: bytes = b"") -> Callable[[Path], object]:
    """A PNG with chunks after its header, or before its end."""

    def write(path: Path) -> None:
        png = data or encoded("PNG")
        place = len(png) - 12 if last else 33
        path.write_bytes(png[:place] + b"".join(chunks) + png[place:])

    return write


def jpeg_with(*segments: bytes) -> Callable[[Path], object]:
    """A JPEG with segments after its first marker; each is marker byte and body."""

    def write(path: Path) -> None:
        packed = [b"\xff" + one[:1] + struct.pack(">H", len(one) + 1) + one[1:] for one in segments]
        jpeg = encoded("JPEG", quality=95, subsampling=0)
        path.write_bytes(jpeg[:2] + b"".join(packed) + jpeg[2:])

    return write


def webp_with(kind: bytes, body: bytes) -> Callable[[Path], object]:
    """A WebP with metadata as it is."""

    def write(path: Path) -> None:
        name = {b"EXIF": "exif", b"ICCP": "icc_profile"}[kind]
        with io.BytesIO() as file:
            Image.fromarray(fields()).save(file, "WEBP", lossless=True, **{name: body})
            path.write_bytes(file.getvalue())

    return write


def profile(corners: tuple[tuple[float, float], ...], gamma: float, name: str = "field") -> bytes:
    """An ICC profile, version 2, of three primaries and one gamma."""
    columns = to_d50(corners)

    def xyz(values: Array) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    label = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" + bytes(79)
    tags = {b"desc": label, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50)}
    tags |= {kind: xyz(columns[:, at]) for at, kind in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _icc(b"RGB ", tags)


def grey_profile(gamma: float) -> bytes:
    """An ICC profile of greys."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in D50))
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    label = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"grey\0" + bytes(79)
    return _icc(b"GRAY", {b"desc": label, b"cprt": b"text\0\0\0\0none\0", b"wtpt": white, b"kTRC": curve})


def _icc(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for kind, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += kind + struct.pack(">II", at + len(body), len(content))
        body += padded
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *(round(float(value) * 65536) for value in D50))
    return head.ljust(128, b"\0") + table + body


def to_d50(corners: tuple[tuple[float, float], ...]) -> Array:
    """The matrix from linear RGB of these primaries, D65 white, to XYZ under D50 (Bradford)."""
    primaries = np.array([[x / y, 1, (1 - x - y) / y] for x, y in corners]).T
    white = np.array([D65_XY[0] / D65_XY[1], 1, (1 - sum(D65_XY)) / D65_XY[1]])
    matrix = primaries * np.linalg.solve(primaries, white)
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    adapted: Array = np.linalg.inv(cone) @ np.diag((cone @ D50) / (cone @ white)) @ cone @ matrix
    return adapted


def in_srgb(colours: Colours, corners: tuple[tuple[float, float], ...], gamma: float) -> Colours:
    """What colours of that profile are in sRGB."""
    linear = (np.array(colours) / 255) ** gamma
    plain = np.clip(np.linalg.solve(to_d50(CORNERS_SRGB), to_d50(corners) @ linear.T).T, 0, 1)
    lifted = np.where(plain <= 0.0031308, 12.92 * plain, 1.055 * plain ** (1 / 2.4) - 0.055)
    return tuple(tuple(int(value) for value in row) for row in np.rint(lifted * 255))  # type: ignore[return-value]


def interlaced() -> bytes:
    """The fields as a PNG that comes in seven passes, as browsers once liked them."""
    pixels, raw = fields(), b""
    for top, left, down, across in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        raw += b"".join(b"\0" + row.tobytes() for row in pixels[top::down, left::across])
    head = struct.pack(">IIBBBBB", *SIZE, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def without_sum(png: bytes) -> bytes:
    """A PNG whose pixels have a wrong checksum."""
    start = png.index(b"IDAT")
    end = start + 4 + struct.unpack(">I", png[start - 4 : start])[0]
    return png[:end] + bytes(4) + png[end + 4 :]


def rgba(alpha: int = 255) -> Image.Image:
    """The fields with an alpha channel."""
    image = Image.fromarray(fields())
    image.putalpha(alpha)
    return image


def exif_with(orientation: int) -> bytes:
    """A little-endian TIFF block with an orientation and nothing else, without a prefix."""
    return struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def tiff(pixels: npt.NDArray[np.generic], **tags: int) -> Callable[[Path], object]:
    """An uncompressed TIFF written by hand: any sample type, one strip; `photometric` and `extra` (samples) may be told."""

    def write(path: Path) -> None:
        data = np.ascontiguousarray(pixels)
        rows, columns, samples = (*data.shape, 1)[:3]
        form = {"u": 1, "i": 2, "f": 3}[data.dtype.kind]
        photometric = tags.get("photometric", 2 if samples >= 3 else 1)
        entries = [(256, 4, [columns]), (257, 4, [rows]), (258, 3, [data.dtype.itemsize * 8] * samples), (259, 3, [1])]
        entries += [
            (262, 3, [photometric]),
            (273, 4, [0]),
            (277, 3, [samples]),
            (278, 4, [rows]),
            (279, 4, [data.nbytes]),
        ]
        entries += [(338, 3, [tags["extra"]])] if "extra" in tags else []
        entries += [(TIFF_SAMPLE_FORMAT, 3, [form] * samples)]
        path.write_bytes(_tiff_bytes(entries, data.tobytes()))

    return write


def _tiff_bytes(entries: list[tuple[int, int, list[int]]], data: bytes) -> bytes:
    ifd_end, more = 8 + 2 + 12 * len(entries) + 4, b""
    sizes = {3: ("H", 2), 4: ("I", 4)}
    table = struct.pack("<H", len(entries))
    room = sum(sizes[kind][1] * len(values) for _, kind, values in entries if sizes[kind][1] * len(values) > 4)
    for tag, kind, told in entries:
        values = [ifd_end + room] if tag == 273 else told
        packed = struct.pack(f"<{len(values)}{sizes[kind][0]}", *values)
        if len(packed) > 4:
            table += struct.pack("<HHII", tag, kind, len(values), ifd_end + len(more))
            more += packed
        else:
            table += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<I", 8) + table + bytes(4) + more + data


def save(image: Image.Image, form: str, **options: object) -> Callable[[Path], object]:
    """The file that Pillow writes."""
    return lambda path: image.save(path, form, **options)


def cv2_bytes(pixels: npt.NDArray[np.generic], suffix: str) -> bytes:
    """The file that OpenCV writes of RGB, RGBA or grey pixels."""
    order = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]] if pixels.ndim == 3 else pixels
    return cv2.imencode(suffix, np.ascontiguousarray(order))[1].tobytes()


def cv2_file(pixels: npt.NDArray[np.generic], suffix: str) -> Callable[[Path], object]:
    """The same as a way to write one."""
    return lambda path: path.write_bytes(cv2_bytes(pixels, suffix))


def palette() -> Image.Image:
    """Eight bits and a palette; index 0 is transparent, and hidden behind it is black."""
    image = Image.new("P", SIZE, 0)
    image.putpalette(bytes((0, 0, 0)) + bytes(np.array(FIELDS, np.uint8)) + bytes(3 * 251))
    width, height = SIZE
    for index, corner in enumerate(((0, 0), (width // 2, 0), (0, height // 2)), 1):
        image.paste(index, (*corner, corner[0] + width // 2, corner[1] + height // 2))
    return image


def text_chunks(count: int, size: int) -> list[bytes]:
    """Packed text chunks of so many unpacked bytes each."""
    return [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes([65 + at % 26]) * size)) for at in range(count)]


def workflow(size: int) -> PngImagePlugin.PngInfo:
    """Text as image generators note it, of so many bytes."""
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", '{"1": "' + "x" * size + '"}')
    info.add_itxt("parameters", "一只猫" * (size // 9), zip=True)
    return info


def multi_picture(orientation: int = 1) -> Callable[[Path], object]:
    """What phones write in portrait mode: a JPEG with a second one behind it."""

    def write(path: Path) -> None:
        second = Image.new("RGB", SIZE, (0, 0, 0))
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(fields()).save(path, "MPO", save_all=True, append_images=[second], exif=exif, quality=95)

    return write


def icc_in_tiff(image: Image.Image, icc: bytes) -> Callable[[Path], object]:
    """A TIFF with a profile."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[TIFF_ICC], info.tagtype[TIFF_ICC] = icc, 7
    return lambda path: image.save(path, "TIFF", tiffinfo=info)
