"""Images, narrations and clips for film tests: small, made here, and recognisable after encoding."""

from __future__ import annotations

import threading
import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from service.film.compose import compose
from service.film.spec import FilmReport, FilmShot, FilmSpec

RATE = 24_000
Rgb = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]


def image(path: Path, seed: int, size: tuple[int, int] = (480, 270)) -> Path:
    """Large soft patches of colour, different for every seed, and never dark."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 255, (3, 4, 3), np.uint8)
    Image.fromarray(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).clip(40, 255).astype(np.uint8)).save(path)
    return path


def speech(path: Path, seconds: float, pitch: float = 220.0) -> Path:
    """A tone that swells and fades four times a second, as loud as speech."""
    time = np.arange(round(seconds * RATE)) / RATE
    samples = 0.25 * np.sin(2 * np.pi * pitch * time) * (0.55 - 0.45 * np.cos(2 * np.pi * 4 * time))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def shots(folder: Path, count: int, seconds: float = 1.2, **options: Any) -> tuple[FilmShot, ...]:
    """Shots with an image and a narration each."""
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(
        FilmShot(
            **{
                "order": n,
                "image": image(folder / f"{n}.png", n),
                "narration": speech(folder / f"{n}.wav", seconds),
                "minimum_s": 0.5,
                "seed": n,
                **options,
            }
        )
        for n in range(1, count + 1)
    )


def spec(folder: Path, film_shots: Sequence[FilmShot], **options: Any) -> FilmSpec:
    """A small film of these shots."""
    small: dict[str, Any] = {"width": 320, "height": 180, "fps": 15, "outro_s": 0.0, "threads": 2}
    places = {"output_dir": folder / "out", "cache_dir": folder / "cache"}
    return FilmSpec(**{"shots": tuple(film_shots), **places, **small, **options})


def make(film: FilmSpec) -> FilmReport:
    """The film, without anybody who watches or stops it."""
    return compose(film, lambda _progress: None, threading.Event())


def clip(
    path: Path, frames: Sequence[Rgb], fps: int = 10, codec: str = "libx264", pixels: str = "yuv420p", **options: str
) -> Path:
    """A video file of these RGB frames, without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        for number, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decode(film: Path) -> Frames:
    """All frames of a film as one array, N×H×W×3 RGB."""
    with av.open(str(film)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def difference(one: npt.NDArray[Any], two: npt.NDArray[Any]) -> float:
    """Mean absolute difference of two images, in steps of 255."""
    return float(np.abs(one.astype(float) - two.astype(float)).mean())


def seen(path: Path, size: tuple[int, int] = (320, 180)) -> Rgb:
    """The middle nine tenths or so of an image, which is what a camera move shows of it, in the film's size."""
    with Image.open(path) as image:
        width, height = image.size
        part = image.convert("RGB").resize(size, box=(width * 0.04, height * 0.04, width * 0.96, height * 0.96))
        return np.asarray(part)
