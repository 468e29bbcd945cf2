"""Sounds whose middle is not zero."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.film.decoder import Decoder
from service.film.sound.soundtrack import analyse
from service.film.spec import Music
from tests.integration.film.sound.film import Film
from tests.support.audio_signals import (
    ebur128,
    heard,
    music,
    silence,
    speech,
    write_wav,
)
from tests.support.soak import soaking


@pytest.mark.parametrize("offset", soaking([0.0, 0.3, -0.6], keep=[0.0, -0.6]))
def test_a_narration_or_music_with_an_offset_is_as_loud_as_others(tmp_path: Path, offset: float) -> None:
    voice = np.concatenate([silence(0.6), speech(1.0, 1), silence(0.4)], axis=1)
    bed = music(9.0, peak=0.3)
    narrations = [write_wav(tmp_path / f"{n}.wav", voice + np.float32(offset)) for n in range(3)]
    film = Film(tmp_path, list(narrations), Music(write_wav(tmp_path / "m.wav", bed + np.float32(offset))))
    report, path = film.make()
    loudness, peak = ebur128(path)
    assert loudness == pytest.approx(-16, abs=0.3)
    assert peak <= -0.9
    assert report.warnings == ()
    assert np.abs(heard(path).mean(axis=1)).max() < 1e-3
    with Decoder() as decoder:
        assert analyse(decoder, narrations[0]).pauses[0] == pytest.approx((0.0, 0.6), abs=0.05)
