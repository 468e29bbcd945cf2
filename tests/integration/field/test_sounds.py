"""Sounds as voices, recorders and browsers write them: taken, heard to their end, and in time with their words."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from service.assets.media_type import Kind, sniff
from service.film.decoder import Decoder
from service.film.spec import FilmReport, FilmShot, Music, Subtitles, Transition
from tests.integration.film import material
from tests.support.audio_signals import (
    RATE,
    Samples,
    both,
    encode,
    gentle,
    heard,
    music,
    rms_db,
    silence,
    speech,
    tone,
    write_wav,
)
from tests.support.hostile_media import ffmpeg
from tests.support.soak import soaking

VOICE = np.concatenate([tone(1.0, -12, 400.0), tone(1.0, -12, 800.0)], axis=1)
"""Two seconds; which of them is heard is told by the pitch."""


def _wav(folder: Path, samples: Samples, rate: int = RATE, channels: int = 1) -> bytes:
    return write_wav(folder / "part.wav", samples, rate, channels).read_bytes()


def _of(folder: Path, samples: Samples, suffix: str, codec: str) -> bytes:
    return encode(folder / f"part.{suffix}", samples, codec).read_bytes()


def _by_ffmpeg(suffix: str, *options: str) -> Callable[[Path], bytes]:
    """The voice as ffmpeg writes it with these options."""

    def make(folder: Path) -> bytes:
        write_wav(folder / "voice.wav", VOICE)
        ffmpeg("-i", folder / "voice.wav", *options, folder / f"made.{suffix}")
        return (folder / f"made.{suffix}").read_bytes()

    return make


def _piped(*options: str) -> Callable[[Path], bytes]:
    """The same through a pipe, in which nothing can be mended afterwards."""

    def make(folder: Path) -> bytes:
        import subprocess

        from service.film.encoding.ffmpeg import ffmpeg_exe

        command = [ffmpeg_exe(), "-v", "error", "-i", str(write_wav(folder / "voice.wav", VOICE)), *options, "-"]
        return subprocess.run(command, check=True, capture_output=True).stdout

    return make


def _two(suffix: str, codec: str, before: bytes = b"") -> Callable[[Path], bytes]:
    """Two files of a second each, joined."""
    return lambda folder: (
        before + _of(folder, VOICE[:, :RATE], suffix, codec) + before + _of(folder, VOICE[:, RATE:], suffix, codec)
    )


def _with_sizes(riff: int, data: int) -> Callable[[Path], bytes]:
    """A WAV whose header says these sizes."""

    def make(folder: Path) -> bytes:
        whole = _wav(folder, VOICE)
        return whole[:4] + struct.pack("<I", riff) + whole[8:40] + struct.pack("<I", data) + whole[44:]

    return make


def _listed(folder: Path) -> bytes:
    """Chunks before and behind the sound, as Audacity and cameras write them; odd sizes are padded."""
    whole = _wav(folder, VOICE)
    info = b"INFOISFT" + struct.pack("<I", 5) + b"Lavf\0\0"
    head = b"LIST" + struct.pack("<I", len(info)) + info + b"bext" + struct.pack("<I", 603) + bytes(604)
    body = whole[12:36] + head + whole[36:] + b"id3 " + struct.pack("<I", 8) + b"ID3\3\0\0\0\0" + b"cue " + bytes(4)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def _rates(folder: Path) -> bytes:
    """Sentences of a voice, each in a rate of its own."""
    low = tone(1.0, -12, 400.0, rate=16_000)
    return _wav(folder, low, 16_000) + _wav(folder, tone(1.0, -12, 800.0, rate=24_000), 24_000)


ID3 = b"ID3\4\0\0\0\0\x0f\x76" + bytes(2038)
APE = b"APETAGEX" + struct.pack("<4I8x", 2000, 32, 0, 0)
JOINED: dict[str, Callable[[Path], bytes]] = {
    "MP3, each with a tag": _two("mp3", "libmp3lame", ID3),
    "WAVs of two rates": _rates,
    "AAC in MP4": _two("m4a", "aac"),
    "Opus in Ogg": _two("ogg", "libopus"),
    "FLAC": _two("flac", "flac"),
    "Opus in WebM": _two("webm", "libopus"),
    "WAV, then MP3": lambda folder: _wav(folder, VOICE[:, :RATE]) + _of(folder, VOICE[:, RATE:], "mp3", "libmp3lame"),
}
LENGTHS: dict[str, Callable[[Path], bytes]] = {
    "WAV by a pipe": _with_sizes(0xFFFFFFFF, 0xFFFFFFFF),
    "WAV of a recorder that was killed": _with_sizes(0, 0),
    "WAV that says a tenth": _with_sizes(36 + RATE // 5, RATE // 5),
    "WAV that says twice": _with_sizes(36 + RATE * 8, RATE * 8),
}
MAKES: dict[str, Callable[[Path], bytes]] = {
    "WAV with notes around": _listed,
    "WAV, 24 bit": _by_ffmpeg("wav", "-c:a", "pcm_s24le"),
    "WAV, float": _by_ffmpeg("wav", "-c:a", "pcm_f32le"),
    "WAV, A-law of a telephone": _by_ffmpeg("wav", "-c:a", "pcm_alaw", "-ar", "8000"),
    "WAV, Windows ADPCM": _by_ffmpeg("wav", "-c:a", "adpcm_ms"),
    "RF64": _by_ffmpeg("wav", "-rf64", "always"),
    "AAC, raw, behind a tag": lambda folder: ID3 + _of(folder, VOICE, "aac", "aac"),
    "AAC, fragmented MP4 of Safari": _piped("-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"),
    "AAC, its index last": _by_ffmpeg("m4a", "-c:a", "aac"),
    "AAC with a picture": _by_ffmpeg("mp4", "-f", "lavfi", "-i", "color=s=64x64:r=5:d=2", "-c:a", "aac", "-shortest"),
    "ALAC of a Mac": _by_ffmpeg("m4a", "-c:a", "alac"),
    "AMR of a phone": _by_ffmpeg("3gp", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "Opus, WebM of a browser, without length": _piped("-c:a", "libopus", "-f", "webm", "-live", "1"),
    "Opus, Matroska by OBS": _by_ffmpeg("mka", "-c:a", "libopus"),
    "PCM in Matroska": _by_ffmpeg("mka", "-c:a", "pcm_s16le"),
    "FLAC in Ogg": _by_ffmpeg("ogg", "-c:a", "flac"),
    "MP3 of 8 kbit/s, 8 kHz": _by_ffmpeg("mp3", "-b:a", "8k", "-ar", "8000", "-ac", "1"),
    "MP3 behind a page of zeros": lambda folder: bytes(4096) + _of(folder, VOICE, "mp3", "libmp3lame"),
    "MP3 with a cover and an old tag behind": lambda folder: (
        ID3 + _of(folder, VOICE, "mp3", "libmp3lame") + APE + b"TAG" + bytes(125)
    ),
}
ALL = {**JOINED, **LENGTHS, **MAKES}
TELEPHONE = {"MP3 of 8 kbit/s, 8 kHz", "AMR of a phone"}


def _pitch(samples: Samples) -> float:
    """The strongest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(samples[0] * np.hanning(samples.shape[1])))
    return float(np.argmax(spectrum) * RATE / samples.shape[1])


def _film(folder: Path, narrations: list[Path], **options: object) -> FilmReport:
    shots = [
        FilmShot(
            number, narration=path, text="清晨，小狐狸醒来了。", title="-", transition=Transition.CUT, minimum_s=0.1
        )
        for number, path in enumerate(narrations, 1)
    ]
    small = {"width": 64, "height": 64, "fps": 10, "subtitles": Subtitles.SOFT, **options}
    return material.make(material.spec(folder, shots, **small))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sounds")
    made = {}
    for number, (name, make) in enumerate(ALL.items()):
        made[name] = folder / f"{number}"
        made[name].write_bytes(make(folder))
    return made


@pytest.fixture(scope="module")
def spoken(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    """What a film of all of them as narrations lets be heard of each."""
    report = _film(tmp_path_factory.mktemp("film"), list(files.values()))
    assert not [warning for warning in report.warnings if "旁白" in warning], report.warnings
    sound = heard(report.film)
    return {
        name: sound[:, round(timing.speech_start * RATE) : round(timing.speech_end * RATE)]
        for name, timing in zip(files, report.shots, strict=True)
    }


@pytest.mark.parametrize("name", ALL)
def test_a_narration_is_taken_and_heard_from_its_first_to_its_last_second(
    name: str, files: dict[str, Path], spoken: dict[str, Samples]
) -> None:
    assert sniff(files[name], Kind.AUDIO)
    sound = spoken[name]
    assert sound.shape[1] / RATE == pytest.approx(2.0, abs=0.2)
    first, second = sound[:, RATE // 4 : 3 * RATE // 4], sound[:, -3 * RATE // 4 : -RATE // 4]
    assert (_pitch(first), _pitch(second)) == pytest.approx((400, 800), abs=8)
    assert rms_db(first) == pytest.approx(rms_db(second), abs=3)


@pytest.mark.parametrize("name", ALL)
def test_a_length_that_header_and_bytes_dispute_is_told_and_no_other(name: str, files: dict[str, Path]) -> None:
    with Decoder() as decoder:
        seconds, notes = decoder.look_at_sound(files[name])
    assert seconds == pytest.approx(2.0, abs=0.2)
    disputed = name in JOINED or name in ("WAV that says a tenth", "WAV that says twice")
    if name in MAKES or disputed:
        assert bool(notes) == disputed, notes


# Row by row: what is around a voice.

HISS = 10 ** (-62 / 20)


def _room(seconds: float, seed: int = 1) -> Samples:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * HISS
    return both(noise)


LATE: dict[str, tuple[list[Samples], float, float]] = {
    "two seconds of a room's noise before": ([_room(2.0), speech(2.0, 1) + _room(2.0, 2)], 2.0, 4.0),
    "silence behind": ([speech(2.0, 1), silence(3.0)], 0.0, 2.0),
    "silence on both sides, an offset throughout": (
        [both(np.full(RATE, 0.1)), speech(2.0, 1) + 0.1, both(np.full(2 * RATE, 0.1))], 1.0, 3.0),
    "a click long before the voice": ([tone(0.004, -20), silence(2.5), speech(2.0, 1)], 2.504, 4.504),
}  # fmt: skip


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> tuple[FilmReport, dict[str, tuple[float, float]]]:
    """A film of those, and from when to when each one's cues are shown, in the narration's own seconds."""
    folder = tmp_path_factory.mktemp("late")
    paths = []
    for number, (parts, _, _) in enumerate(LATE.values()):
        wav = write_wav(folder / f"{number}.wav", np.concatenate(parts, axis=1), channels=1)
        ffmpeg("-i", wav, "-c:a", "libmp3lame", "-b:a", "192k", folder / f"{number}.mp3")
        paths.append(folder / f"{number}.mp3")
    report = _film(folder, paths, breath_s=0.5)
    assert report.subtitles_srt
    cues = _srt(report.subtitles_srt.read_text(encoding="utf-8"))
    within = {}
    for name, shot in zip(LATE, report.shots, strict=True):
        own = [cue for cue in cues if shot.start - 0.05 <= cue[0] < shot.end - 0.05]
        within[name] = (own[0][0] - shot.speech_start, own[-1][1] - shot.speech_start)
    return report, within


def _srt(text: str) -> list[tuple[float, float]]:
    def seconds(stamp: str) -> float:
        hours, minutes, rest = stamp.strip().replace(",", ".").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest)

    lines = [line.split("-->") for line in text.splitlines() if "-->" in line]
    return [(seconds(one), seconds(two)) for one, two in lines]


@pytest.mark.parametrize("name", LATE)
def test_subtitles_are_there_while_the_voice_is(
    name: str, late: tuple[FilmReport, dict[str, tuple[float, float]]]
) -> None:
    begins, ends = late[1][name]
    assert begins == pytest.approx(LATE[name][1], abs=0.25)
    assert ends == pytest.approx(LATE[name][2], abs=0.35)


def _unsigned_as_signed(samples: Samples, folder: Path) -> Path:
    """Eight bits whose zero is 20 steps off, as cheap sound cards record."""
    bits = (np.clip(samples[0], -0.8, 0.8) * 127 + 128 + 20).astype(np.uint8)
    ffmpeg(
        "-f", "u8", "-ar", str(RATE), "-ac", "1", "-i", "-", "-c:a", "pcm_u8", folder / "u8.wav", data=bits.tobytes()
    )
    return folder / "u8.wav"


def _one_ear(samples: Samples, folder: Path) -> Path:
    """An offset of one channel alone."""
    shifted = samples.copy()
    shifted[1] += 0.25
    return write_wav(folder / "ear.wav", shifted)


def _in_aac(samples: Samples, folder: Path) -> Path:
    return encode(folder / "dc.aac", (samples + 0.2).astype(np.float32), "aac")


@pytest.mark.parametrize("damage", soaking([_unsigned_as_signed, _one_ear, _in_aac], keep=2))
def test_an_offset_is_not_in_the_film_and_takes_no_room_for_loudness(
    damage: Callable[[Samples, Path], Path], tmp_path: Path
) -> None:
    report = _film(tmp_path, [damage(speech(4.0, 3, peak=0.5), tmp_path)])
    sound = heard(report.film)
    assert np.abs(sound.mean(axis=1)).max() < 0.002
    plain = _film(tmp_path / "plain", [write_wav(tmp_path / "plain.wav", speech(4.0, 3, peak=0.5))])
    assert rms_db(sound) == pytest.approx(rms_db(heard(plain.film)), abs=0.8)


def test_music_with_an_offset_has_none_in_the_film(tmp_path: Path) -> None:
    piece = write_wav(tmp_path / "m.wav", (gentle(music(3.0)) * 0.6 + 0.3).astype(np.float32))
    voice = write_wav(tmp_path / "v.wav", gentle(speech(3.0, 1)))
    sound = heard(_film(tmp_path, [voice], music=Music(piece)).film)
    assert np.abs(sound.mean(axis=1)).max() < 0.002
