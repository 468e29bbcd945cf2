"""Whether image, narration and subtitle of every shot come when the report says, looked and listened for in the finished film."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.material import write_wav
from bench.sound_checks import samples_of
from service.film.compose import compose
from service.film.sound.reading import RATE
from service.film.spec import FilmShot, FilmSpec, ShotTiming, Transition

SIZE, FPS, SHOTS = (640, 360), 30, 8
GREYS = (70, 150)  # of the shots, by turns: half of the way is the middle of a transition
BAND = slice(round(SIZE[1] * 0.8), SIZE[1])  # where subtitles are
LEVEL = 0.1  # of the loudest; above it, somebody speaks


def measure(folder: Path) -> tuple[float, float, float]:
    """The greatest distance (in frames, over all shots) from the report of: the image's change, the narration's first sound, and of
    the subtitle's first frame from the narration's first sound."""
    folder.mkdir(parents=True, exist_ok=True)
    shots = tuple(_shot(folder, number) for number in range(1, SHOTS + 1))
    spec = FilmSpec(shots, folder / "out", folder / "cache", width=SIZE[0], height=SIZE[1], fps=FPS)
    report = compose(spec, lambda _progress: None, threading.Event())
    luma = frames_of(report.film)
    voice = np.abs(samples_of(report.film)).max(axis=1)
    grey = luma[:, : BAND.start // 2].mean(axis=(1, 2))
    text = (luma[:, BAND] > 215).mean(axis=(1, 2))
    images = [abs(_change(grey, timing) - timing.start * FPS) for timing in report.shots[1:]]
    narrations, subtitles = [], []
    for timing in report.shots:
        said = _first(voice > LEVEL * voice.max(), round(timing.start * RATE)) / RATE
        shown = _first(text > 0.001, round(timing.start * FPS) + 1) / FPS
        narrations.append(abs(said - timing.speech_start) * FPS)
        subtitles.append(abs(shown - said) * FPS)
    return max(images), max(narrations), max(subtitles)


def frames_of(film: Path) -> npt.NDArray[np.uint8]:
    """The luma of all frames."""
    with av.open(str(film)) as container:
        return np.stack([frame.to_ndarray(format="yuv420p")[: frame.height] for frame in container.decode(video=0)])


def _shot(folder: Path, number: int) -> FilmShot:
    """A grey image and a voice that begins at once; odd lengths, so that nothing falls on whole frames by chance."""
    image, narration = folder / f"{number}.png", folder / f"{number}.wav"
    Image.new("RGB", SIZE, (GREYS[number % 2],) * 3).save(image)
    time = np.arange(round((1.37 + 0.213 * number) * RATE)) / RATE
    write_wav(narration, (0.3 * np.sin(2 * np.pi * 300 * time)).astype(np.float32))
    transition = (Transition.CUT, Transition.CROSSFADE)[number % 2]
    return FilmShot(
        number, image=image, narration=narration, text="春天来了，河水解冻。", transition=transition, minimum_s=0.5
    )


def _change(grey: npt.NDArray[np.float64], timing: ShotTiming) -> float:
    """The time, in frames, at which a shot's image is half there: between two frames, where the straight line between them is."""
    middle = round(timing.start * FPS)
    near = grey[middle - FPS // 2 : middle + FPS // 2]
    half = (near[0] + near[-1]) / 2
    after = int(np.argmax((near > half) == (near[-1] > half)))
    share = (half - near[after - 1]) / (near[after] - near[after - 1])
    # A frame stands for the time from its start to the next one's: a cut lies on the later frame's start.
    return middle - FPS // 2 + after - 1 + float(share) + 0.5


def _first(there: npt.NDArray[np.bool_], start: int) -> int:
    return start + int(np.argmax(there[start:]))
