"""Damaged, hostile and missing audio, and calling the work off."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.errors import Cancelled
from service.film.decoder import Decoder
from service.film.errors import FilmError, UnusableMedia
from service.film.sound import cache
from service.film.sound.decoding import Samples, decode
from service.film.sound.reading import LONGEST_S
from service.film.sound.soundtrack import SoundReport, analyse, make_sound
from service.film.spec import FilmShot, FilmSpec, Music, ShotTiming
from tests.support.audio_signals import RATE, encode, heard, music, silence, speech, tone, write_wav
from tests.support.soak import soaking


def make(folder: Path, narration: Path | None, *, bed: Path | None = None, strict: bool = False) -> SoundReport:
    shots = (FilmShot(order=1), FilmShot(order=2, narration=narration))
    spec = FilmSpec(shots, folder / "o", folder / "c", music=Music(bed) if bed else None, strict=strict)
    timings = [ShotTiming(1, 0.0, 2.0, 0.0, 0.0), ShotTiming(2, 2.0, 5.0, 2.3, 4.7 if narration else 2.3)]
    cancel = threading.Event()
    with Decoder() as decoder:
        return make_sound(
            spec, timings, 5.0, folder / "a.m4a", decoder=decoder, cancel=cancel, progress=lambda _done: None
        )


def measure(path: Path) -> float:
    with Decoder() as decoder:
        return decoder.sound_seconds(path)


def decoded(path: Path, longest_s: float = LONGEST_S) -> Samples:
    with Decoder() as decoder:
        return np.concatenate(list(decode(decoder, path, longest_s)), axis=1)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _header_only(path: Path) -> None:
    write_wav(path, silence(0))


def _garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(50_000))


def _text(path: Path) -> None:
    path.write_text("<html>404</html>")


def _playlist(path: Path) -> None:
    """What would make a player read any other file of this machine, or call an address."""
    path.write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXTINF:10,\nhttp://127.0.0.1:9/a.mp3\n")


def _concat(path: Path) -> None:
    path.write_text("ffconcat version 1.0\nfile /etc/hostname\n")


def _image(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)


def _folder(path: Path) -> None:
    path.mkdir()


USELESS = [_empty, _header_only, _garbage, _text, _playlist, _concat, _image, _folder]
Fault = Callable[[Path], None]


@pytest.mark.parametrize(
    "fault", soaking(USELESS, keep=[_empty, _garbage, _playlist, _concat]), ids=lambda fault: fault.__name__.strip("_")
)
def test_a_narration_that_holds_no_sound_is_named_with_its_shot(fault: Fault, tmp_path: Path) -> None:
    path = tmp_path / "narration.mp3"
    fault(path)
    with pytest.raises(FilmError) as caught:
        make(tmp_path, path)
    assert caught.value.shot == 2
    assert "旁白无法使用" in str(caught.value)
    assert not (tmp_path / "a.m4a").exists()
    assert list((tmp_path / "c").glob("*")) == []
    with pytest.raises(UnusableMedia):
        measure(path)


@pytest.mark.parametrize(
    "fault",
    soaking(USELESS, keep=[_header_only, _playlist, _concat, _folder]),
    ids=lambda fault: fault.__name__.strip("_"),
)
def test_music_that_holds_no_sound_is_left_out_with_a_warning_or_fails_a_strict_film(
    fault: Fault, tmp_path: Path
) -> None:
    voice, bed = write_wav(tmp_path / "n.wav", speech(2.4, 1)), tmp_path / "music.mp3"
    fault(bed)
    report = make(tmp_path, voice, bed=bed)
    assert report.integrated_lufs == pytest.approx(-16, abs=0.3)
    assert any("配乐无法使用" in warning for warning in report.warnings)
    (tmp_path / "a.m4a").unlink()
    with pytest.raises(FilmError, match="配乐无法使用"):
        make(tmp_path, voice, bed=bed, strict=True)


def test_missing_files_are_told_like_broken_ones(tmp_path: Path) -> None:
    with pytest.raises(FilmError) as caught:
        make(tmp_path, tmp_path / "nowhere.wav")
    assert caught.value.shot == 2
    assert make(tmp_path, None, bed=tmp_path / "nowhere.mp3").warnings


@pytest.mark.parametrize("share", soaking([0.6, 0.3, 0.95], keep=1))
@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_a_file_that_was_cut_off_is_heard_as_far_as_it_goes(suffix: str, share: float, tmp_path: Path) -> None:
    codec = {"mp3": "mp3", "wav": "pcm_s16le", "flac": "flac", "ogg": "libopus"}[suffix]
    whole = encode(tmp_path / f"whole.{suffix}", speech(4.0, 1), codec).read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert 0.1 < measure(path) < 4.0
    report = make(tmp_path, path)
    assert report.integrated_lufs == pytest.approx(-16, abs=0.3)


def test_an_mp4_without_its_index_is_told(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.m4a", speech(4.0, 1), "aac").read_bytes()
    (tmp_path / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FilmError) as caught:
        make(tmp_path, tmp_path / "cut.m4a")
    assert caught.value.shot == 2


def test_a_damaged_middle_is_passed_over(tmp_path: Path) -> None:
    whole = bytearray(encode(tmp_path / "n.mp3", speech(4.0, 1), "mp3").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 2000] = np.random.default_rng(1).bytes(2000)
    (tmp_path / "n.mp3").write_bytes(whole)
    assert 3.0 < measure(tmp_path / "n.mp3") < 4.5
    make(tmp_path, tmp_path / "n.mp3")


def test_a_wrong_extension_does_not_matter(tmp_path: Path) -> None:
    flac = encode(tmp_path / "n.flac", speech(2.4, 1), "flac")
    assert measure(flac.rename(tmp_path / "n.mp3")) == pytest.approx(2.4, abs=0.05)


def test_a_name_that_looks_like_an_address_or_an_option_is_a_name(tmp_path: Path) -> None:
    for name in ("http:example.wav", "-i.wav", "concat:a|b.wav", "a%d'\"{};.wav"):
        assert measure(write_wav(tmp_path / name, speech(0.5))) == pytest.approx(0.5, abs=0.01)


def test_samples_that_are_no_numbers_or_beyond_all_bounds_are_tamed(tmp_path: Path) -> None:
    signal = speech(2.0, 1)
    signal[:, 1000:1010] = np.nan
    signal[:, 2000:2010] = np.inf
    signal[:, 3000:3010] = -1e30
    data = np.ascontiguousarray(signal.T).astype("<f4").tobytes()
    form = struct.pack("<HHIIHH", 3, 2, RATE, RATE * 8, 8, 32)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path = tmp_path / "n.wav"
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    samples = decoded(path)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == 8.0
    make(tmp_path, path)
    assert np.isfinite(heard(tmp_path / "a.m4a")).all()


def test_no_more_than_what_is_asked_for_is_decoded(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "n.wav", speech(3.0, 1))
    for samples in (60_000, 129_600, 100_001, 1):  # 2.7 s times the rate is a little more than 129,600
        assert decoded(path, samples / RATE).shape[1] == samples
    assert LONGEST_S > 3600
    with pytest.raises(UnusableMedia):
        decoded(tmp_path / "nowhere")


class _After:
    """A cancel flag that is set once it has been asked `count` times; `asked_at` is when it said so first."""

    def __init__(self, count: int) -> None:
        self._left = count
        self.asked_at: float | None = None

    def is_set(self) -> bool:
        self._left -= 1
        if self._left >= 0:
            return False
        self.asked_at = self.asked_at or time.monotonic()
        return True


@pytest.mark.parametrize("count", soaking([0, 1, 40, 75, 110], keep=[0, 40, 110]))
def test_a_cancelled_sound_ends_at_once_and_leaves_nothing(count: int, tmp_path: Path) -> None:
    """The flag is set in each of the stages: decoding, measuring, encoding, measuring again."""
    voice = write_wav(tmp_path / "n.wav", speech(20.0, 1))
    bed = write_wav(tmp_path / "m.wav", music(20.0))
    spec = FilmSpec((FilmShot(order=1, narration=voice),), tmp_path / "o", tmp_path / "c", music=Music(bed))
    timing = ShotTiming(1, 0.0, 21.0, 0.5, 20.5)
    flag = _After(count)
    with pytest.raises(Cancelled), Decoder() as decoder:
        make_sound(spec, [timing], 21.0, tmp_path / "a.m4a", decoder=decoder, cancel=flag, progress=lambda _done: None)
    assert flag.asked_at is not None
    assert time.monotonic() - flag.asked_at < 10
    assert not (tmp_path / "a.m4a").exists()
    assert list((tmp_path / "c").iterdir()) == []


def test_the_flag_is_looked_at_for_every_second_or_so_of_sound(tmp_path: Path) -> None:
    seconds = 60
    path = write_wav(tmp_path / "n.wav", speech(float(seconds), 1))
    asked: list[None] = []
    with Decoder() as decoder:
        analyse(decoder, path, lambda: asked.append(None))
    assert len(asked) >= seconds / 2


def test_a_disk_that_fails_leaves_nothing_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = write_wav(tmp_path / "n.wav", speech(2.4, 1))

    def full(self: cache.SoundCache, _facts: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(cache.SoundCache, "save", full)
    with pytest.raises(OSError, match="space"):
        make(tmp_path, voice)
    assert list((tmp_path / "c").iterdir()) == []


def test_a_kept_sound_that_was_damaged_is_made_anew(tmp_path: Path) -> None:
    voice = write_wav(tmp_path / "n.wav", speech(2.4, 1))
    make(tmp_path, voice)
    [facts] = (tmp_path / "c").glob("sound-*.json")
    facts.write_text("{")
    assert not make(tmp_path, voice).cached
    assert make(tmp_path, voice).cached


def test_a_narration_glued_together_of_several_makes_is_heard_to_its_end(tmp_path: Path) -> None:
    """As a speech service answers piece by piece: each with a rate and a layout of its own."""
    one = encode(tmp_path / "1.mp3", tone(1.5, -20, rate=24_000), "mp3", layout="mono", rate=24_000)
    two = encode(tmp_path / "2.mp3", tone(1.5, -20, rate=44_100), "mp3", rate=44_100)
    glued = tmp_path / "glued.mp3"
    glued.write_bytes(one.read_bytes() + two.read_bytes())
    assert measure(glued) == pytest.approx(3.0, abs=0.2)
