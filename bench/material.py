"""The film that is measured: painted images, spoken sentences, made once per run by the offline providers of the model node."""

from __future__ import annotations

import dataclasses
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from service.film.sound.decoding import read_own
from service.film.sound.reading import RATE
from service.film.spec import FilmShot, FilmSpec
from worker_node.providers.base import ImageRequest, QuietRun, SpeechRequest
from worker_node.providers.offline.painter.painter import OfflinePainter
from worker_node.providers.offline.speaker import OfflineSpeaker, write_audio

WIDTH, HEIGHT, FPS = 1280, 720, 30
IMAGE = (1536, 864)  # what an image model is asked for: a fifth larger than the film, for the camera to move in
SHOT_S, BREATH_S, CROSSFADE_S = 4.0, 0.6, 0.5
NARRATION_S = SHOT_S - BREATH_S - 0.1  # an MP3 is a little longer than what went in

PAINTED = 20  # images; of more shots, the others are mirrored

# Sentences of about three seconds, and what the painter finds in them.
SENTENCES = (
    "清晨，小狐狸沿着河边走进安静的森林。",
    "山谷里起了雾，远处的雪山若隐若现。",
    "一只鹿在湖边喝水，抬头看了看天空。",
    "中午的阳光照在草地上，花儿都开了。",
    "小女孩撑着伞，走过下雨的城市街道。",
    "渔船静静停在海边，等待着傍晚的风。",
    "夜里月亮升起来，星星落满了屋顶。",
    "老人坐在房间里，讲起很久以前的事。",
    "雪一直下到天亮，村庄变成了白色。",
    "一只猫头鹰从树上飞过，没有声音。",
)


def make_shots(folder: Path, count: int) -> tuple[FilmShot, ...]:
    """`count` shots of exactly `SHOT_S` seconds, all images and narrations different."""
    folder.mkdir(parents=True, exist_ok=True)
    painter, speaker = OfflinePainter(), OfflineSpeaker()
    shots = []
    for number in range(1, count + 1):
        text = SENTENCES[(number - 1) % len(SENTENCES)]
        image, narration = folder / f"{number}.png", folder / f"{number}.mp3"
        if number <= PAINTED:
            paint(painter, image, text, number)
        else:
            mirror(folder / f"{number - PAINTED}.png", image, upright=number <= 2 * PAINTED)
        speak(speaker, narration, text, voice="female" if number % 2 else "male")
        shots.append(
            FilmShot(
                order=number,
                image=image,
                narration=narration,
                text=text,
                transition_s=CROSSFADE_S,
                minimum_s=SHOT_S,
                seed=number,
            )
        )
    return tuple(shots)


def paint(painter: OfflinePainter, target: Path, text: str, seed: int) -> None:
    """An image of `IMAGE` size for a text."""
    request = ImageRequest(prompt=text, width=IMAGE[0], height=IMAGE[1], seed=seed)
    painter.paint(request, target, QuietRun())


def mirror(source: Path, target: Path, *, upright: bool) -> None:
    """Another image of the same kind, without the time that painting takes."""
    with Image.open(source) as image:
        turn = Image.Transpose.FLIP_LEFT_RIGHT if upright else Image.Transpose.FLIP_TOP_BOTTOM
        image.transpose(turn).save(target, compress_level=1)


def speak(speaker: OfflineSpeaker, target: Path, text: str, voice: str = "") -> None:
    """A narration (MP3, as model nodes send it) of `NARRATION_S` seconds: cut there, or followed by silence."""
    raw = target.with_suffix(".wav")
    speaker.speak(SpeechRequest(text=text, voice=voice, format="wav"), raw, QuietRun())
    write_audio(fitted(mono(raw), NARRATION_S), RATE, target, "mp3", 24_000)


def make_spec(shots: Sequence[FilmShot], folder: Path, **options: Any) -> FilmSpec:
    """The film of these shots, into fresh folders below `folder`."""
    base = FilmSpec(
        shots=tuple(shots),
        output_dir=folder / "out",
        cache_dir=folder / "cache",
        width=WIDTH,
        height=HEIGHT,
        fps=FPS,
        breath_s=BREATH_S,
        outro_s=0.0,
    )
    return dataclasses.replace(base, **options)


def mono(path: Path) -> npt.NDArray[np.float32]:
    """A sound file's samples, 48 kHz mono."""
    return np.asarray(np.concatenate(list(read_own(path)), axis=1).mean(axis=0), np.float32)


def fitted(samples: npt.NDArray[np.float32], seconds: float) -> npt.NDArray[np.float32]:
    """Cut, or followed by silence, to this length."""
    count = round(seconds * RATE)
    return np.pad(samples[:count], (0, max(0, count - len(samples))))


def write_wav(path: Path, samples: npt.NDArray[np.float32]) -> None:
    """Mono or (samples, channels) at 48 kHz, 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
