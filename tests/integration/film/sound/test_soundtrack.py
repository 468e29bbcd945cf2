"""The film's sound as ffmpeg, not the code under test, decodes and measures it."""

from __future__ import annotations

import dataclasses
import math
import threading
from pathlib import Path

import numpy as np
import pytest

from service.film.decoder import Decoder
from service.film.sound.soundtrack import analyse, make_sound
from service.film.spec import FilmShot, FilmSpec, Music, ShotTiming
from tests.integration.film.sound.film import Film, between, uneven
from tests.support.audio_signals import (
    RATE,
    Samples,
    ebur128,
    heard,
    music,
    rms_db,
    silence,
    speech,
    tone,
    write_wav,
)
from tests.support.soak import soaking


def _band(sound: Samples, hz: float, width: float = 30.0) -> float:
    """The level (dB) of what lies around one frequency."""
    spectrum = np.fft.rfft(sound[0] * np.hanning(sound.shape[1]))
    frequencies = np.fft.rfftfreq(sound.shape[1], 1 / RATE)
    return float(10 * np.log10(np.square(np.abs(spectrum[np.abs(frequencies - hz) < width])).sum()))


def test_music_goes_down_six_decibels_under_speech_and_comes_back_without_a_jump(tmp_path: Path) -> None:
    """The music is a tone in a band where the voice has nothing, so that it can be weighed under the voice."""
    voice = write_wav(tmp_path / "n.wav", _below(speech(2.5, 1, peak=0.5), 3000))
    narrations: list[Path | None] = [None, voice, None, None]
    piece = Music(write_wav(tmp_path / "m.wav", tone(13, -6, 9000)), fade_in_s=0.0, fade_out_s=0.0)
    _, path = Film(tmp_path, narrations, piece).make()
    sound = heard(path)
    alone = [_band(between(sound, at, at + 0.5), 9000) for at in (1.5, 2.2, 7.5, 9.0, 11.0)]
    under = [_band(between(sound, at, at + 0.5), 9000) for at in (3.6, 4.3, 5.3)]
    assert max(alone) - min(alone) < 0.5
    for level in under:
        assert level - np.mean(alone) == pytest.approx(-6.0, abs=0.5)
    envelope = np.array([_band(between(sound, at, at + 0.02), 9000, 200) for at in np.arange(2.6, 8.0, 0.01)])
    assert np.abs(np.diff(envelope)).max() < 1.0  # dB in a hundredth of a second


def _below(sound: Samples, hz: float) -> Samples:
    spectrum = np.fft.rfft(sound)
    spectrum[:, int(hz * sound.shape[1] / RATE) :] = 0
    return np.fft.irfft(spectrum, sound.shape[1]).astype(np.float32)


def test_music_does_not_make_the_narration_softer(tmp_path: Path) -> None:
    voice = [write_wav(tmp_path / f"{n}.wav", _below(speech(2.4, n, peak=0.4), 3000)) for n in range(2)]
    _, plain = Film(tmp_path, list(voice)).make("plain.m4a")
    piece = Music(write_wav(tmp_path / "m.wav", tone(12, -6, 9000)))
    _, mixed = Film(tmp_path, list(voice), piece).make("mixed.m4a")
    for start in (0.6, 3.6):
        alone, under_music = (_below(between(heard(path), start, start + 2.2), 3000) for path in (plain, mixed))
        assert rms_db(under_music) == pytest.approx(rms_db(alone), abs=0.5)


def test_every_narration_is_at_its_place_and_none_runs_into_the_next(tmp_path: Path) -> None:
    """Two of them are longer than their slots, which must not happen; if it does, they are cut and not heard together."""
    signals = [speech(length, n, hz=90 + 35 * n) for n, length in enumerate((2.2, 4.0, 1.1, 5.0))]
    film = Film(tmp_path, [write_wav(tmp_path / f"{n}.wav", signal) for n, signal in enumerate(signals)])
    sound = heard(film.make()[1])
    for timing, signal in zip(film.timings(), signals, strict=True):
        words = signal[0, : round((timing.end - timing.speech_start) * RATE)]
        window = sound[0, round(timing.start * RATE) : round(timing.end * RATE)]
        size = 1 << (len(words) + len(window)).bit_length()
        product = np.fft.rfft(window, size) * np.conj(np.fft.rfft(words, size))
        found = int(np.fft.irfft(product, size)[: len(window)].argmax()) / RATE
        assert found == pytest.approx(timing.speech_start - timing.start, abs=1 / 60)
        at = timing.start + found
        heard_words = sound[0, round(at * RATE) : round(at * RATE) + len(words)]
        words = words[: len(heard_words)]
        likeness = float(heard_words @ words / (np.linalg.norm(heard_words) * np.linalg.norm(words)))
        assert likeness > 0.98  # nothing else is heard with it
    for timing in film.timings():  # before the words there is silence, the last slot's narration is over
        assert rms_db(between(sound, timing.start + 0.05, timing.start + 0.45)) < -70


def test_nothing_clicks_where_narrations_are_cut_or_begin_at_once(tmp_path: Path) -> None:
    """A low tone that begins and is cut at its crest: what is left above 2 kHz at the edges is what an ear would hear as a click."""
    at = np.arange(round(3.0 * RATE)) / RATE
    crest = (0.5 * np.cos(2 * np.pi * 100 * at)).astype(np.float32)
    film = Film(tmp_path, [write_wav(tmp_path / "n.wav", np.stack([crest, crest]))] * 2)
    sound = heard(film.make()[1])
    for edge in (0.5, 3.0, 3.5, 6.0):
        piece = between(sound, max(0.0, edge - 0.05), edge + 0.05)
        spectrum = np.abs(np.fft.rfft(piece[0] * np.hanning(piece.shape[1])))
        frequencies = np.fft.rfftfreq(piece.shape[1], 1 / RATE)
        assert spectrum[frequencies > 2000].max() < spectrum.max() / 3000, edge


def test_a_silent_film_is_digitally_silent(tmp_path: Path) -> None:
    report, path = Film(tmp_path, [None, write_wav(tmp_path / "n.wav", silence(2.0))]).make()
    sound = heard(path)
    assert sound.shape[1] / RATE == pytest.approx(6.0, abs=0.03)
    assert np.abs(sound).max() < 1e-6
    assert (report.integrated_lufs, report.true_peak_dbtp) == (-math.inf, -math.inf)
    assert report.warnings == ("镜头 2 的旁白几乎没有声音，以静音代替",)


def test_a_rooms_hiss_is_not_made_loud(tmp_path: Path) -> None:
    hiss = (0.0005 * np.random.default_rng(0).standard_normal((2, 2 * RATE))).astype(np.float32)
    report, path = Film(tmp_path, [write_wav(tmp_path / "n.wav", hiss)]).make()
    assert rms_db(between(heard(path), 0.6, 2.3)) < -60
    assert len(report.warnings) == 1


@pytest.mark.parametrize("volume", soaking([0.002, 0.004], keep=1))
def test_a_voice_that_was_recorded_very_softly_is_heard_and_named(tmp_path: Path, volume: float) -> None:
    """Between two others; its pause stays as silent as it is, and where it speaks the music makes room."""
    soft = np.concatenate([speech(1.0, 1, peak=volume), silence(0.6), speech(0.6, 2, peak=volume)], axis=1)
    loud = write_wav(tmp_path / "loud.wav", speech(2.2, 3))
    narrations = [loud, write_wav(tmp_path / "soft.wav", soft), loud]
    assert ebur128(tmp_path / "soft.wav")[0] < -50
    report, path = Film(tmp_path, list(narrations)).make()
    sound = heard(path)
    levels = [rms_db(between(sound, at + 0.5, at + 1.5)) for at in (0, 3, 6)]
    assert levels[1] == pytest.approx(levels[0], abs=2)
    assert rms_db(between(sound, 4.6, 5.0)) < -60
    (warning,) = report.warnings
    assert "镜头 2" in warning
    assert "放大" in warning
    with Decoder() as decoder:
        assert analyse(decoder, tmp_path / "soft.wav").pauses[0] == pytest.approx((1.0, 1.6), abs=0.05)


@pytest.mark.parametrize("noise", ["hiss", "hum", "click", "burst"])
def test_what_is_faint_and_no_voice_is_left_out(tmp_path: Path, noise: str) -> None:
    sound = silence(2.0)
    if noise == "hiss":
        sound = (0.001 * np.random.default_rng(0).standard_normal((2, 2 * RATE))).astype(np.float32)
    elif noise == "hum":
        sound = tone(2.0, -55, 100)
    elif noise == "click":
        sound[:, RATE : RATE + 200] = 0.02
    else:
        sound[:, RATE:] = 0.001 * np.random.default_rng(0).standard_normal((2, RATE))
    report, path = Film(tmp_path, [write_wav(tmp_path / "n.wav", sound)]).make()
    assert np.abs(heard(path)).max() < 1e-6
    assert report.warnings == ("镜头 1 的旁白几乎没有声音，以静音代替",)


def test_pauses_stay_silent_when_a_quiet_narration_is_made_loud(tmp_path: Path) -> None:
    words = np.concatenate([speech(1.0, 1, peak=0.01), silence(1.0), speech(0.5, 2, peak=0.01)], axis=1)
    _, path = Film(tmp_path, [write_wav(tmp_path / "n.wav", words)]).make()
    assert rms_db(between(heard(path), 1.6, 2.4)) < -80


def test_music_is_cut_to_the_film_and_fades_at_both_ends(tmp_path: Path) -> None:
    piece = Music(write_wav(tmp_path / "m.wav", tone(30, -6, 440)), fade_in_s=1.0, fade_out_s=2.0)
    _, path = Film(tmp_path, [None] * 3, piece).make()
    sound = heard(path)
    levels = [rms_db(between(sound, at, at + 0.1)) for at in np.arange(0, 8.9, 0.1)]
    assert levels[0] < levels[20] - 15
    assert levels[-1] < levels[20] - 15
    assert np.all(np.diff(levels[:10]) > 0)
    assert np.all(np.diff(levels[-19:]) < 0)
    assert max(levels[11:69]) - min(levels[11:69]) < 1.5


def test_short_music_is_repeated_without_a_gap_or_a_click(tmp_path: Path) -> None:
    piece = Music(write_wav(tmp_path / "m.wav", music(2.345)), fade_in_s=0.0, fade_out_s=0.0)
    _, path = Film(tmp_path, [None] * 4, piece).make()
    sound = heard(path)
    levels = [rms_db(between(sound, at, at + 0.1)) for at in np.arange(0.1, 11.8, 0.1)]
    assert max(levels) - min(levels) < 6.0  # where two chords meet they may cancel a little
    spectra = [
        np.abs(np.fft.rfft(between(sound, at, at + 0.1)[0] * np.hanning(4800))) for at in np.arange(0.1, 11.8, 0.05)
    ]
    assert max(spectrum[400:].max() / spectrum.max() for spectrum in spectra) < 0.01  # above 4 kHz a chord has nothing


def test_music_as_long_as_the_film_is_heard_to_its_own_end(tmp_path: Path) -> None:
    rising = np.concatenate([tone(1, -6, hz) for hz in (300, 400, 500, 600, 700, 800)], axis=1)
    piece = Music(write_wav(tmp_path / "m.wav", rising), fade_in_s=0.0, fade_out_s=0.0)
    sound = heard(Film(tmp_path, [None] * 2, piece).make()[1])
    last = between(sound, 5.2, 5.9)
    assert _band(last, 800) > _band(last, 300) + 40


def test_the_same_sound_is_made_once_and_is_the_same_to_the_byte(tmp_path: Path) -> None:
    film = uneven(tmp_path)
    first, path = film.make("one.m4a")
    second, again = film.make("two.m4a")
    assert (first.cached, second.cached) == (False, True)
    assert dataclasses.replace(second, cached=False) == first
    assert again.read_bytes() == path.read_bytes()
    for kept in (tmp_path / "cache").glob("sound-*"):
        kept.unlink()
    third, anew = film.make("three.m4a")
    assert not third.cached
    assert anew.read_bytes() == path.read_bytes()


def test_another_narration_music_or_place_is_another_sound(tmp_path: Path) -> None:
    film = uneven(tmp_path)
    film.make()
    write_wav(tmp_path / "1.wav", speech(2.2, 9))
    assert not film.make()[0].cached
    assert not dataclasses.replace(film, slot_s=3.2).make()[0].cached
    assert film.music is not None
    assert not dataclasses.replace(film, music=dataclasses.replace(film.music, level_db=-20.0)).make()[0].cached
    assert film.make()[0].cached


def test_progress_rises_from_nothing_to_all(tmp_path: Path) -> None:
    seen: list[float] = []
    uneven(tmp_path).make(progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert len(seen) > 8
    assert 0 <= seen[0] < 0.3


def test_the_pipeline_can_be_asked_for_another_loudness(tmp_path: Path) -> None:
    voice = write_wav(tmp_path / "n.wav", speech(2.4, 1))
    spec = FilmSpec(
        (FilmShot(order=1, narration=voice),), tmp_path / "o", tmp_path / "c", loudness_lufs=-23.0, true_peak_dbtp=-6.0
    )
    timing = ShotTiming(1, 0.0, 3.0, 0.3, 2.7)
    output = tmp_path / "a.m4a"
    with Decoder() as decoder:
        make_sound(spec, [timing], 3.0, output, decoder=decoder, cancel=threading.Event(), progress=lambda _done: None)
    lufs, dbtp = ebur128(output)
    assert lufs == pytest.approx(-23.0, abs=0.3)
    assert dbtp <= -6.0
