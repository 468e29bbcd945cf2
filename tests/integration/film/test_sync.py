"""Sound, image and subtitles meet: at every shot, to within a frame."""

from __future__ import annotations

import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.film.compose import compose
from service.film.sound.decoding import read_own
from service.film.sound.reading import RATE
from service.film.spec import FilmShot, Subtitles, Transition
from tests.integration.film import material
from tests.support.audio_signals import silence, speech, write_wav
from tests.support.soak import soaking_rows

FPS = 25
NARRATIONS = (0.9, 1.37, 0.513, 2.01, 0.77)  # seconds; none is a whole number of frames


def _click(path: Path, seconds: float) -> Path:
    """A narration that is loud from its first sample to its last."""
    tone = 0.4 * np.sign(np.sin(2 * np.pi * 440 * np.arange(round(seconds * 24_000)) / 24_000))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24_000)
        file.writeframes((tone * 32767).astype("<i2").tobytes())
    return path


def test_voice_image_and_subtitle_of_every_shot_are_within_a_frame(tmp_path: Path) -> None:
    """Cuts between black and white images are seen, bursts of tone are heard, and both are where the report says."""
    shots = []
    for number, seconds in enumerate(NARRATIONS, 1):
        Image.new("RGB", (96, 64), "white" if number % 2 else "black").save(tmp_path / f"{number}.png")
        voice = _click(tmp_path / f"{number}.wav", seconds)
        shots.append(
            FilmShot(
                number,
                image=tmp_path / f"{number}.png",
                narration=voice,
                text="字",
                transition=Transition.CUT,
                minimum_s=0.2,
            )
        )
    spec = material.spec(
        tmp_path, shots, width=96, height=64, fps=FPS, subtitles=Subtitles.SOFT, threads=1, breath_s=0.6
    )
    report = compose(spec, lambda _progress: None, threading.Event())

    light = material.decode(report.film).mean(axis=(1, 2, 3))
    jumps = (np.flatnonzero(np.abs(np.diff(light)) > 100) + 1) / FPS
    starts = np.array([timing.start for timing in report.shots])
    assert np.abs(jumps - starts[1:]).max() < 1e-6, "a cut is a whole frame, so it is exactly there"

    sound = np.abs(np.concatenate(list(read_own(report.film)), axis=1)).max(axis=0)
    level = np.convolve(sound, np.ones(96) / 96, "same") > 0.02
    edges = np.diff(level.astype(int))
    heard = np.flatnonzero(edges == 1) / RATE, np.flatnonzero(edges == -1) / RATE
    assert len(heard[0]) == len(heard[1]) == len(shots)
    assert np.abs(heard[0] - [timing.speech_start for timing in report.shots]).max() < 1 / FPS
    assert np.abs(heard[1] - [timing.speech_end for timing in report.shots]).max() < 1 / FPS

    assert report.subtitles_srt is not None
    times = [line for line in report.subtitles_srt.read_text("utf-8").splitlines() if "-->" in line]
    shown = np.array([[_seconds(part) for part in line.split(" --> ")] for line in times])
    assert np.abs(shown[:, 0] - heard[0]).max() < 1 / FPS
    # Where a text takes longer to read than to say, it stays longer; one character does not.
    assert np.abs(shown[:, 1] - heard[1]).max() < 1 / FPS


@pytest.mark.parametrize("noise_db", [-120, -45])
@pytest.mark.parametrize(
    ("before", "between", "behind"),
    soaking_rows([(2.0, 3.0, 2.0), (3.0, 0.0, 0.0), (0.0, 0.0, 3.0), (0.0, 3.0, 0.0)], keep=1),
)
def test_subtitles_begin_and_end_with_the_voice(
    before: float, between: float, behind: float, noise_db: float, tmp_path: Path
) -> None:
    parts = [silence(before), speech(2.5, 1), silence(between), speech(2.5, 2), silence(behind)]
    sound = np.concatenate(parts, axis=1)
    sound += (10 ** (noise_db / 20) * np.random.default_rng(0).standard_normal(sound.shape)).astype(np.float32)
    shot = FilmShot(
        1,
        image=material.image(tmp_path / "1.png", 1),
        narration=write_wav(tmp_path / "1.wav", sound),
        text="第一句话说完了停一停。第二句话从这里才开始说。",
    )
    report = material.make(material.spec(tmp_path, [shot], subtitles=Subtitles.SOFT, threads=1))
    [timing] = report.shots
    assert timing.speech_end - timing.speech_start == pytest.approx(sound.shape[1] / 48_000)
    assert report.subtitles_srt is not None
    times = [line for line in report.subtitles_srt.read_text("utf-8").splitlines() if "-->" in line]
    shown = [[_seconds(part) - timing.speech_start for part in line.split(" --> ")] for line in times]
    assert (shown[0][0], shown[-1][1]) == pytest.approx((before, before + 5.0 + between), abs=0.1)
    if between:
        assert (shown[0][1], shown[1][0]) == pytest.approx((before + 2.5, before + 2.5 + between), abs=0.1)


def _seconds(text: str) -> float:
    hours, minutes, rest = text.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)
