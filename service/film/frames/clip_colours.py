"""From a clip's colours to those that films have: opaque, BT.709, with a white that is no brighter than paper.

HDR (HLG and PQ) is mapped as BT.2408 and BT.2390 say: its reference white of 203 cd/m² becomes the level of paper in an SDR picture,
a little under the brightest, and what is brighter, up to 1000 cd/m², is bent into what is left above.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

RGB = 0  # AVCOL_SPC_RGB: no matrix; said of luma and chroma, it is a mistake
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED, and of primaries and curves
HD_HEIGHT = 720  # a clip that does not tell its colour matrix has BT.709 from here on, BT.601 below
PEAK, WHITE = 1000.0, 203.0  # cd/m²: the brightest of HDR that is told apart, and what films' white stands for
GAMMA = 2.4  # of SDR screens: BT.1886
_STEPS = 4095  # of tables: what 12 bits tell apart, and what a processor's cache holds
_BAND = 16  # rows that are converted at once, for the cache too
_HDR = {int(ColorTrc.SMPTE2084): "pq", int(ColorTrc.ARIB_STD_B67): "hlg"}
_MATRICES_2020 = (9, 10)  # AVCOL_SPC_BT2020_NCL and _CL
# Red, green and blue as x, y of CIE 1931; white is D65.
_BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_WIDE = {
    int(ColorPrimaries.BT2020): ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    int(ColorPrimaries.SMPTE432): ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # Display P3
}
_D65 = (0.3127, 0.3290)
_LUMA_2020 = (0.2627, 0.6780, 0.0593)

Light = npt.NDArray[np.float32]
Rgb = npt.NDArray[np.uint8]
Number = TypeVar("Number", np.uint8, np.float32)
Mapping = Callable[[npt.NDArray[np.uint16]], Rgb]


Told = tuple[int, int, int]
"""Matrix, curve and primaries, as H.273 numbers them."""


def told_by(file: VideoCodecContext) -> Told:
    """What the file itself says of a clip's colours. It is to be asked before anything is decoded: a decoder forgets what its stream
    does not repeat.
    """
    return int(file.colorspace), int(file.color_trc), int(file.color_primaries)


def complete(frame: VideoFrame, told: Told) -> VideoFrame:
    """The frame with the file's word for what its stream leaves open."""
    matrix, curve, primaries = told
    if frame.colorspace == UNSPECIFIED and matrix != RGB and not frame.format.is_rgb:
        frame.colorspace = matrix
    if frame.color_trc == UNSPECIFIED:
        frame.color_trc = curve
    if frame.color_primaries == UNSPECIFIED:
        frame.color_primaries = primaries
    return frame


def matrix_of(frame: VideoFrame) -> Colorspace | None:
    """The colour matrix of a frame that does not tell; None where it does, or has none."""
    if frame.colorspace != UNSPECIFIED or frame.format.is_rgb:
        return None
    if frame.color_primaries == ColorPrimaries.BT2020 or frame.color_trc in _HDR:
        return Colorspace.BT2020
    return Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601


def plain(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """The frame in SDR, BT.709's primaries, and on white where it is transparent, as in a still image.

    Most frames are so already. Others may come back in `size` (width, height), which they are to get: there is less to convert then.
    """
    has_alpha = frame.format.name == "pal8" or any(component.is_alpha for component in frame.format.components)
    mapping = _mapping(frame)
    matrix = matrix_of(frame)
    if has_alpha:
        if mapping is None:
            rgba = frame.to_ndarray(format="rgba", src_colorspace=matrix)
            rgb, alpha = rgba[:, :, :3], rgba[:, :, 3:].astype(np.uint16)
        else:
            wide = np.asarray(frame.to_ndarray(format="rgba64le", src_colorspace=matrix), np.uint16)
            rgb, alpha = mapping(wide[:, :, :3]), wide[:, :, 3:] // 257
        rgb = (rgb * alpha + 255 * (255 - alpha)) // 255
        return VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")
    if mapping is None:
        return frame
    width, height = size
    wide = np.asarray(frame.to_ndarray(format="rgb48le", width=width, height=height, src_colorspace=matrix), np.uint16)
    return VideoFrame.from_ndarray(mapping(wide), format="rgb24")


def _mapping(frame: VideoFrame) -> Mapping | None:
    curve = _HDR.get(frame.color_trc)
    primaries = frame.color_primaries
    if primaries == UNSPECIFIED and (curve or frame.colorspace in _MATRICES_2020):
        primaries = int(ColorPrimaries.BT2020)
    wide = _WIDE.get(primaries)
    return _mapping_of(curve, primaries) if curve or wide else None


@functools.lru_cache(maxsize=4)
def _mapping_of(curve: str | None, primaries: int) -> Mapping:
    """From 16-bit R'G'B' of these primaries to 8-bit R'G'B' of BT.709."""
    signal = np.linspace(0.0, 1.0, _STEPS + 1)
    decode = {"pq": _pq_light, "hlg": _hlg_light, None: _sdr_light}[curve](signal).astype(np.float32)
    matrix = (_to_xyz_inverse(_BT709) @ _to_xyz(_WIDE[primaries])) if primaries in _WIDE else np.eye(3)
    ratio = _ratios()
    system = _table(lambda light: light**0.2)  # HLG's gamma is 1.2 on a screen of 1000 cd/m²: BT.2100
    encode = (_table(lambda light: light ** (1 / GAMMA)) * 255.0).round().astype(np.uint8)

    def convert(rgb: npt.NDArray[np.uint16]) -> Rgb:
        out = np.empty(rgb.shape, np.uint8)
        for top in range(0, len(rgb), _BAND):
            out[top : top + _BAND] = band(rgb[top : top + _BAND])
        return out

    def band(rgb: npt.NDArray[np.uint16]) -> Rgb:
        light = decode.take(rgb >> 4)
        if curve == "hlg":
            luma = np.asarray(cv2.transform(light, np.array([_LUMA_2020])), np.float32)
            light *= _look_up(system, luma)[:, :, None]
        if curve is not None:
            red, green, blue = (np.asarray(plane, np.float32) for plane in cv2.split(light))
            light *= _look_up(ratio, np.maximum(np.maximum(red, green), blue))[:, :, None]
        light = np.asarray(cv2.transform(light, matrix), np.float32)
        return _look_up(encode, light)

    return convert


def _look_up(table: npt.NDArray[Number], light: Light) -> npt.NDArray[Number]:
    """What a table of `_table` has for 0 to 1; what is beyond counts as its end."""
    root = np.sqrt(np.clip(light, 0.0, 1.0))
    root *= _STEPS
    root += 0.5
    return table.take(root.astype(np.uint16))


def _table(function: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Light:
    """A function of light from 0 to 1, in steps of its root: finer in the dark, where eyes are."""
    return function(np.linspace(0.0, 1.0, _STEPS + 1) ** 2).astype(np.float32)


def _sdr_light(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return signal**GAMMA


def _hlg_light(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The scene's light by BT.2100's HLG, 0 to 1."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3.0, (np.exp((signal - c) / a) + b) / 12.0)


# BT.2100's PQ (SMPTE ST 2084).
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_light(signal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The screen's light, 1 for `PEAK` and what is above."""
    power = signal ** (1 / _M2)
    light = (np.maximum(power - _C1, 0.0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return np.minimum(1.0, light * (10_000.0 / PEAK))


def _pq_signal(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = (light * (PEAK / 10_000.0)) ** _M1
    return ((_C1 + _C2 * power) / (1.0 + _C3 * power)) ** _M2


def _ratios() -> Light:
    """By how much light of 0 to 1 (`PEAK`) is multiplied to be 0 to 1 (`WHITE`): BT.2390's curve, straight below a knee and bent above."""
    light = np.linspace(0.0, 1.0, _STEPS + 1) ** 2
    light[0] = light[1]
    top = _pq_signal(np.ones(1))
    given = _pq_signal(light) / top
    largest = float((_pq_signal(np.array([WHITE / PEAK])) / top)[0])
    knee = 1.5 * largest - 0.5
    t = ((given - knee) / (1.0 - knee)).clip(0.0, 1.0)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1.0 - knee) + (-2 * t**3 + 3 * t**2) * largest
    shown = _pq_light(np.where(given < knee, given, bent) * top) * (PEAK / WHITE)
    return np.asarray(shown / light, np.float32)


def _to_xyz(primaries: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    """Linear RGB to XYZ, where equal parts are D65."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
    x, y = _D65
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    return np.asarray(columns * np.linalg.solve(columns, white), np.float64)


def _to_xyz_inverse(primaries: tuple[tuple[float, float], ...]) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.inv(_to_xyz(primaries)), np.float64)
