"""A film whose sound is made for tests."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path
from typing import Any

from service.film.decoder import Decoder
from service.film.sound.soundtrack import SoundReport, make_sound
from service.film.spec import FilmShot, FilmSpec, Music, Quality, ShotTiming
from tests.support.audio_signals import RATE, Samples, music, speech, write_wav


@dataclasses.dataclass
class Film:
    """A film's sound to be made: shots of `slot_s` seconds, each narration half a second into its slot."""

    folder: Path
    narrations: list[Path | None]
    music: Music | None = None
    slot_s: float = 3.0
    total_s: float = 0.0
    strict: bool = False
    quality: Quality = Quality.FINAL

    def timings(self) -> list[ShotTiming]:
        return [
            ShotTiming(
                order=number + 1,
                start=number * self.slot_s,
                end=(number + 1) * self.slot_s,
                speech_start=number * self.slot_s + (0.5 if path else 0.0),
                speech_end=(number + 1) * self.slot_s if path else number * self.slot_s,
            )
            for number, path in enumerate(self.narrations)
        ]

    def make(self, name: str = "sound.m4a", **options: Any) -> tuple[SoundReport, Path]:
        shots = tuple(FilmShot(order=number + 1, narration=path) for number, path in enumerate(self.narrations))
        spec = FilmSpec(
            shots,
            self.folder / "out",
            self.folder / "cache",
            music=self.music,
            strict=self.strict,
            quality=self.quality,
        )
        output = self.folder / name
        given: dict[str, Any] = {"cancel": threading.Event(), "progress": lambda _done: None, **options}
        total = self.total_s or self.slot_s * len(self.narrations)
        with Decoder() as decoder:
            return make_sound(spec, self.timings(), total, output, decoder=decoder, **given), output


def uneven(folder: Path) -> Film:
    """Three narrations of very different levels, with music."""
    peaks = (0.01, 0.9, 0.1)
    paths = [write_wav(folder / f"{n}.wav", speech(2.2, n, peak=peak)) for n, peak in enumerate(peaks)]
    return Film(folder, list(paths), Music(write_wav(folder / "m.wav", music(4))))


def between(sound: Samples, start: float, end: float) -> Samples:
    """The piece between two times in seconds."""
    return sound[:, round(start * RATE) : round(end * RATE)]
