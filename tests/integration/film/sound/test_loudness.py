"""How loud films are, as ffmpeg, not the code under test, decodes and measures it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.film.sound import soundtrack
from service.film.spec import Music, Quality
from tests.integration.film.sound.film import Film, between, uneven
from tests.support.audio_signals import (
    RATE,
    ebur128,
    encode,
    heard,
    music,
    peaky,
    rms_db,
    silence,
    speech,
    write_wav,
)
from tests.support.soak import soaking


def _quiet(folder: Path) -> Film:
    return Film(folder, [write_wav(folder / f"{n}.wav", speech(2.2, n, peak=0.02)) for n in range(3)])


def _loud(folder: Path) -> Film:
    return Film(folder, [write_wav(folder / f"{n}.wav", speech(2.2, n, peak=0.99)) for n in range(3)])


def _sparse(folder: Path) -> Film:
    narrations: list[Path | None] = [None] * 6
    narrations[2] = write_wav(folder / "n.wav", speech(0.8, 1))
    return Film(folder, narrations, Music(write_wav(folder / "m.wav", music(30))))


def _music_only(folder: Path) -> Film:
    return Film(folder, [None, None, None], Music(write_wav(folder / "m.wav", music(4, peak=0.05))))


def _clipping(folder: Path) -> Film:
    loud = np.clip(speech(2.2, 1, peak=6.0), -1, 1)
    return Film(folder, [write_wav(folder / "n.wav", loud)], Music(write_wav(folder / "m.wav", music(4, peak=3.0))))


def _telephone(folder: Path) -> Film:
    path = write_wav(folder / "n.wav", speech(2.2, 1, rate=8000), 8000, channels=1)
    return Film(folder, [path], Music(encode(folder / "m.mp3", music(4, rate=44_100), "mp3", rate=44_100)))


def _surround(folder: Path) -> Film:
    path = encode(folder / "n.m4a", speech(2.2, 2), "aac", layout="5.1")
    return Film(folder, [path], Music(encode(folder / "m.ogg", music(4), "libopus")))


def _one_second(folder: Path) -> Film:
    return Film(folder, [encode(folder / "n.flac", speech(0.5, 3), "flac")], slot_s=1.0)


def _long_pauses(folder: Path) -> Film:
    words = np.concatenate([speech(0.7, 4), silence(6.0), speech(0.8, 5, peak=0.1), silence(3.0)], axis=1)
    return Film(folder, [write_wav(folder / "n.wav", words)], slot_s=12.0)


def _peaky(folder: Path) -> Film:
    return Film(folder, [write_wav(folder / "n.wav", peaky(2.2, 1))], Music(write_wav(folder / "m.wav", music(4))))


MIXES = [
    _quiet, _loud, _peaky, uneven, _sparse, _music_only, _clipping, _telephone, _surround, _one_second, _long_pauses,
]  # fmt: skip
IN_SHORT = (_loud, _sparse, _music_only, _clipping, _telephone, _surround, _one_second)


@pytest.mark.parametrize("mix", soaking(MIXES, keep=IN_SHORT), ids=lambda mix: mix.__name__.strip("_"))
def test_every_mix_is_as_loud_as_wanted_and_under_the_ceiling(mix: Callable[[Path], Film], tmp_path: Path) -> None:
    film = mix(tmp_path)
    report, path = film.make()
    lufs, dbtp = ebur128(path)
    assert lufs == pytest.approx(-16.0, abs=0.3)
    assert dbtp <= -1.0
    assert report.integrated_lufs == pytest.approx(lufs, abs=0.15)
    assert report.warnings == ()
    seconds = heard(path).shape[1] / RATE
    assert seconds == pytest.approx(film.slot_s * len(film.narrations), abs=0.03)  # one AAC frame


@pytest.mark.parametrize("mix", soaking([_peaky, _loud, _telephone], keep=1), ids=lambda mix: mix.__name__.strip("_"))
def test_a_preview_sounds_nearly_as_loud_and_is_not_taken_for_the_films_sound(
    mix: Callable[[Path], Film], tmp_path: Path
) -> None:
    film = mix(tmp_path)
    report, path = dataclasses.replace(film, quality=Quality.PREVIEW).make("preview.m4a")
    lufs, dbtp = ebur128(path)
    assert lufs == pytest.approx(-16.0, abs=0.5)
    assert dbtp <= 0.0
    assert (report.integrated_lufs, report.true_peak_dbtp) == pytest.approx((lufs, dbtp), abs=0.7)
    whole, other = film.make()
    assert not whole.cached
    assert other.stat().st_size > 1.3 * path.stat().st_size


def test_the_limiter_is_needed_for_peaks_and_gives_no_loudness_away(tmp_path: Path) -> None:
    """Without it this mix would have peaks above full scale."""
    report, path = _peaky(tmp_path).make()
    plain_lufs, plain_dbtp = ebur128(tmp_path / "n.wav")
    assert plain_dbtp + (-16.0 - plain_lufs) > 1.0
    assert -2.5 < report.true_peak_dbtp <= -1.0
    assert ebur128(path)[0] == pytest.approx(-16.0, abs=0.3)


def test_a_codec_that_shifts_peaks_more_than_expected_is_answered_by_another_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if AAC added 2.7 dB more than planned for."""
    monkeypatch.setattr(soundtrack, "_CODEC_HEADROOM_DB", -2.0)
    _, path = _peaky(tmp_path).make()
    lufs, dbtp = ebur128(path)
    assert dbtp <= -1.0
    assert lufs == pytest.approx(-16.0, abs=0.3)


def test_narrations_of_different_levels_become_equally_loud(tmp_path: Path) -> None:
    film = uneven(tmp_path)
    sound = heard(dataclasses.replace(film, music=None).make()[1])
    levels = [rms_db(between(sound, at, at + 2.0)) for at in (0.6, 3.6, 6.6)]
    assert max(levels) - min(levels) < 1.0
