"""The offline animator: a clip of a still image. Near and far move differently under a slow camera, and what the prompt names falls,
drifts or twinkles. It is no image-to-video model, and /health says so: the provider's name is "offline"."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from worker_node.errors import ProviderError
from worker_node.providers.base import ClipRequest, JobRun
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.settings import ProviderSettings

Frame = NDArray[np.uint8]
Field = NDArray[np.float32]

MAX_PIXELS = 64_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
MARGIN = 0.06  # of the image's width, hidden on each side for the camera to move in
TRAVEL = 0.035  # of the width, from the first frame to the last, for what is nearest
ZOOM = 0.06


def load_image(path: Path) -> Frame:
    """The image as RGB; raises `ProviderError` for what is none, or too large, before its pixels are decoded."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ProviderError(f"图片过大：{image.width}x{image.height}，最多 {MAX_PIXELS // 1_000_000} 百万像素")
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise ProviderError(f"图片无法读取：{error}") from error


class OfflineAnimator:
    """Camera moves with parallax by `cv2.remap`, H.264 by PyAV."""

    def __init__(self, _settings: ProviderSettings | None = None) -> None:
        cv2.setNumThreads(1)

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> None:
        """Write the clip; its length is rounded to whole frames."""
        run.report(2, "正在读取图片")
        image = cover(load_image(request.image), request.width, request.height)
        count = max(1, round(request.seconds * request.fps))
        camera = Camera(request)
        effect = weather(request)
        with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            stream = container.add_stream("libx264", rate=request.fps)
            stream.width, stream.height, stream.pix_fmt = request.width, request.height, "yuv420p"
            stream.options = {"preset": "veryfast", "threads": "1"}
            if request.bitrate_kbit:
                stream.bit_rate = request.bitrate_kbit * 1000
            else:
                stream.options = {**stream.options, "crf": "20"}
            stream.time_base = Fraction(1, request.fps)
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
            context.color_range = 1
            for number in range(count):
                share = number / max(1, count - 1)
                pixels = effect(camera.look(image, share), number / request.fps)
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace=1)
                frame.pts, frame.time_base = number, Fraction(1, request.fps)
                container.mux(stream.encode(frame))
                if number % 12 == 0:
                    run.report(5 + 90 * number // count, f"正在生成画面 {number}/{count}")
            container.mux(stream.encode(None))


def cover(image: Frame, width: int, height: int) -> Frame:
    """Cropped to the clip's aspect and scaled to its size plus the camera's margin."""
    wide, high = round(width * (1 + 2 * MARGIN)), round(height * (1 + 2 * MARGIN))
    factor = max(wide / image.shape[1], high / image.shape[0])
    image = middle(image, math.ceil(wide / factor) + 2, math.ceil(high / factor) + 2)
    size = (max(wide, round(image.shape[1] * factor)), max(high, round(image.shape[0] * factor)))
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LANCZOS4)
    return np.ascontiguousarray(middle(np.asarray(scaled, np.uint8), wide, high))


def middle(image: Frame, width: int, height: int) -> Frame:
    """At most so much of it, from its middle."""
    left, top = max(0, image.shape[1] - width) // 2, max(0, image.shape[0] - height) // 2
    return image[top : top + height, left : left + width]


class Camera:
    """A slow sideways move with a zoom; what is lower in the image is nearer and moves further."""

    def __init__(self, request: ClipRequest) -> None:
        rng = np.random.default_rng(request.seed or 0)
        self._side = float(rng.choice([-1, 1]))
        self._zoom_in = bool(rng.integers(2))
        width, height = request.width, request.height
        self._centre = ((width * (1 + 2 * MARGIN) - 1) / 2, (height * (1 + 2 * MARGIN) - 1) / 2)
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
        self._xs, self._ys = xs - np.float32((width - 1) / 2), ys - np.float32((height - 1) / 2)
        down = ys / max(1, height - 1)
        self._near: Field = (0.35 + 0.65 * down * down * (3 - 2 * down)).astype(np.float32)
        self._travel = TRAVEL * width

    def look(self, image: Frame, share: float) -> Frame:
        """The frame at `share` 0 to 1 of the clip."""
        eased = 0.5 - 0.5 * math.cos(math.pi * share)
        zoom = 1 + ZOOM * (eased if self._zoom_in else 1 - eased)
        shift = np.float32(self._side * (eased - 0.5) * self._travel)
        xs = self._xs / np.float32(zoom) + self._near * shift + np.float32(self._centre[0])
        ys = self._ys / np.float32(zoom) + np.float32(self._centre[1])
        return np.asarray(cv2.remap(image, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def lightened(frame: Frame, light: Frame) -> Frame:
    """The frame with a mask's light on it ("screen"): whole bytes all the way, for it is done for every frame."""
    left = cv2.cvtColor(cv2.bitwise_not(light), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.bitwise_not(cv2.multiply(cv2.bitwise_not(frame), left, scale=1 / 255)), np.uint8)


Effect = Callable[[Frame, float], Frame]


def weather(request: ClipRequest) -> Effect:
    """What moves in front of the image, by the prompt's last word on the weather; stars twinkle at night."""
    names = [hit for hit in lexicon().hits(request.prompt) if hit.category in ("weather", "time")]
    falling = [hit.concept for hit in names if hit.category == "weather"]
    night = [hit.concept for hit in names if hit.category == "time"][-1:] == ["night"]
    kind = falling[-1] if falling else ""
    if kind in ("rain", "storm"):
        return Particles(request, count=420, speed=1.9, slant=0.16, length=0.045, radius=1.0, opacity=0.35)
    if kind == "snow":
        return Particles(request, count=260, speed=0.16, slant=0.05, length=0.0, radius=3.0, opacity=0.85)
    if kind == "fog":
        return Mist(request)
    return Particles(request, count=36, speed=-0.02, slant=0.01, length=0.0, radius=1.6, opacity=0.7 if night else 0.3)


class Particles:
    """Rain, snow, or motes of light: each on its own endless line, near ones larger and faster. `speed` is in heights a second."""

    def __init__(
        self,
        request: ClipRequest,
        *,
        count: int,
        speed: float,
        slant: float,
        length: float,
        radius: float,
        opacity: float,
    ) -> None:
        rng = np.random.default_rng((request.seed or 0) + 1)
        self._places = rng.random((count, 4))
        self._speed, self._slant, self._length = speed, slant, length
        self._radius, self._opacity = radius * request.height / 720, opacity

    def __call__(self, frame: Frame, seconds: float) -> Frame:
        height, width = frame.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        for x, y, near, phase in self._places:
            pace = self._speed * (0.5 + near)
            fallen = (y + pace * seconds) % 1.1 - 0.05
            sway = 0.012 * math.sin(2 * math.pi * (phase + seconds * 0.3)) if not self._length else 0.0
            across = (x - self._slant * fallen + sway + self._slant * phase) % 1.0
            start = (round(across * width * 8), round(fallen * height * 8))
            light = round(255 * (0.4 + 0.6 * near) * (0.7 + 0.3 * math.sin(2 * math.pi * (phase * 7 + seconds))))
            if self._length:
                reach = self._length * (0.5 + near)
                end = (round((across - self._slant * reach) * width * 8), round((fallen + reach) * height * 8))
                cv2.line(mask, start, end, light, max(1, round(self._radius * (0.5 + near))), cv2.LINE_AA, 3)
            else:
                cv2.circle(mask, start, max(4, round(self._radius * (0.4 + near) * 8)), light, -1, cv2.LINE_AA, 3)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.8)
        return lightened(frame, np.asarray(cv2.convertScaleAbs(soft, alpha=self._opacity), np.uint8))


class Mist:
    """Two veils of haze drifting past each other."""

    def __init__(self, request: ClipRequest) -> None:
        rng = np.random.default_rng((request.seed or 0) + 1)
        size = (request.width * 2, request.height)
        self._veils = [
            cv2.resize(rng.random((5, cells), np.float32), size, interpolation=cv2.INTER_CUBIC) for cells in (9, 15)
        ]

    def __call__(self, frame: Frame, seconds: float) -> Frame:
        height, width = frame.shape[:2]
        share = np.zeros((height, width), np.float32)
        for veil, speed in zip(self._veils, (0.02, -0.035), strict=True):
            move = np.array([[1, 0, -(0.5 + speed * seconds) * width], [0, 1, 0]], np.float32)
            share += cv2.warpAffine(veil, move, (width, height), borderMode=cv2.BORDER_REFLECT_101)
        return lightened(frame, np.asarray(np.clip(share * 84 - 30, 0, 150), np.uint8))
