"""Sounds joined byte by byte, headers that do not know their length, and what lies before and behind a sound: all is heard."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from service.film.decoder import Decoder
from service.film.errors import UnusableMedia
from service.film.sound.decoding import Samples, decode
from tests.support.audio_signals import RATE, encode, silence, speech, write_wav
from tests.support.hostile_media import ffmpeg
from tests.support.soak import soaking

PARTS = (2.3, 1.2, 1.5)  # seconds
FORMS = {  # extension, codec, how much of a sample's level the codec may change
    "wav": ("wav", "pcm_s16le"),
    "float": ("wav", "pcm_f32le"),
    "24 bit": ("wav", "pcm_s24le"),
    "adpcm": ("wav", "adpcm_ima_wav"),
    "mp3": ("mp3", "mp3"),
    "mp2": ("mp2", "mp2"),
    "flac": ("flac", "flac"),
    "opus": ("ogg", "libopus"),
    "ogg flac": ("ogg", "flac"),
    "adts": ("aac", "aac"),
    "m4a": ("m4a", "aac"),
    "webm": ("webm", "libopus"),
}


_decoder = Decoder()  # one child for all of them: its start takes longer than the work


@pytest.fixture(scope="module", autouse=True)
def decoder() -> Iterator[None]:
    with _decoder:
        yield


def heard(path: Path) -> Samples:
    return np.concatenate(list(decode(_decoder, path)), axis=1)


def told(path: Path) -> list[str]:
    seconds, notes = _decoder.look_at_sound(path)
    assert seconds == pytest.approx(heard(path).shape[1] / RATE)
    return notes


def part(folder: Path, form: str, number: int, rate: int = RATE) -> Path:
    suffix, codec = FORMS[form]
    sound = speech(PARTS[number], number, rate=rate)
    return encode(folder / f"{form} {number} {rate}.{suffix}", sound, codec, rate=rate)


def joined(folder: Path, *parts: Path | bytes) -> Path:
    path = folder / "joined.bin"
    path.write_bytes(b"".join(each if isinstance(each, bytes) else each.read_bytes() for each in parts))
    return path


def alike(one: Samples, two: Samples) -> None:
    assert one.shape == two.shape
    np.testing.assert_allclose(one, two, atol=2e-3)


@pytest.mark.parametrize("form", soaking(FORMS, keep=["mp3", "wav", "flac", "opus", "adts", "m4a", "webm", "mp2"]))
def test_sounds_joined_byte_by_byte_are_heard_one_after_the_other(form: str, tmp_path: Path) -> None:
    parts = [part(tmp_path, form, number) for number in range(3)]
    path = joined(tmp_path, *parts)
    one_by_one = np.concatenate([heard(each) for each in parts], axis=1)
    assert one_by_one.shape[1] == pytest.approx(sum(PARTS) * RATE, rel=0.1)
    if form in ("adts", "mp2"):  # nothing says where one ends: it goes on as one sound
        assert heard(path).shape[1] == pytest.approx(one_by_one.shape[1], abs=5000)
        return
    alike(heard(path), one_by_one)
    [note] = told(path)
    assert "3 段" in note
    assert "长度" in note


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("wav", "mp3"),
        ("mp3", "wav"),
        ("flac", "mp3"),
        ("opus", "wav"),
        ("adts", "wav"),
        ("wav", "adts"),
        ("m4a", "mp3"),
        ("webm", "flac"),
        ("wav", "float"),
        ("mp3", "adts"),
    ],
)
@pytest.mark.parametrize("rate", soaking([24_000, RATE], keep=1))
def test_sounds_of_different_makes_joined_are_all_heard(one: str, two: str, rate: int, tmp_path: Path) -> None:
    parts = [part(tmp_path, one, 0), part(tmp_path, two, 1, rate)]
    path = joined(tmp_path, *parts)
    alike(heard(path), np.concatenate([heard(each) for each in parts], axis=1))
    assert "2 段" in told(path)[0]


def wav(
    data: bytes, *, size: int | None = None, riff: int | None = None, form: bytes = b"", behind: bytes = b""
) -> bytes:
    """A 16-bit mono WAV file of 48 kHz whose header says what it is told to."""
    form = form or struct.pack("<HHIIHH", 1, 1, RATE, RATE * 2, 2, 16)
    size = len(data) if size is None else size
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", size) + data + behind
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


SAID = (speech(2.0, 5)[0] * 32767).astype("<i2")
MONO = SAID / 32768 / np.sqrt(2)  # as libav puts one channel on two
SAMPLES = SAID.tobytes()
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf62.12.102\0"
CHUNKS = [SAMPLES[at : at + 9600] for at in range(0, len(SAMPLES), 9600)]
DISPUTED: dict[str, bytes] = {
    "0": wav(SAMPLES, size=0),
    "0 and 0": wav(SAMPLES, size=0, riff=0),
    "FFFFFFFF": wav(SAMPLES, size=0xFFFFFFFF, riff=0xFFFFFFFF),
    "7FFFFFFF": wav(SAMPLES, size=0x7FFFFFFF),
    "FFFFFF00": wav(SAMPLES, size=0xFFFFFF00),
    "too small": wav(SAMPLES, size=50_000),
    "far too small": wav(SAMPLES, size=2),
    "small and odd": wav(SAMPLES, size=50_001),
    "too large": wav(SAMPLES, size=len(SAMPLES) + 1000),
    "too large and odd": wav(SAMPLES, size=len(SAMPLES) + 1),
    "RIFF too small": wav(SAMPLES, riff=36),
    "RIFF too large": wav(SAMPLES, riff=1 << 30),
    "a chunk behind, RIFF of 0": wav(SAMPLES, riff=0, behind=LIST),
    "streamed, each with its header": b"".join(map(wav, CHUNKS)),
    "streamed, each of unknown length": b"".join(wav(chunk, size=0xFFFFFFFF, riff=0xFFFFFFFF) for chunk in CHUNKS),
    "streamed, each of length 0": b"".join(wav(chunk, size=0, riff=0) for chunk in CHUNKS),
    "streamed, the first for all": wav(CHUNKS[0], size=len(SAMPLES)) + b"".join(map(wav, CHUNKS[1:])),
    "streamed, headers in the samples' length": wav(CHUNKS[0] + b"".join(map(wav, CHUNKS[1:]))),
    "streamed, with chunks behind": b"".join(wav(chunk, behind=LIST) for chunk in CHUNKS),
    "streamed after an empty one": wav(b"", size=0xFFFFFFFF) + b"".join(map(wav, CHUNKS)),
}


@pytest.mark.parametrize("kind", DISPUTED)
def test_a_wav_file_whose_lengths_are_wrong_is_heard_to_the_sample_and_told(kind: str, tmp_path: Path) -> None:
    path = joined(tmp_path, DISPUTED[kind])
    np.testing.assert_allclose(heard(path)[0], MONO, atol=1e-4)
    [note] = told(path)
    assert "长度" in note


AGREED: dict[str, bytes] = {
    "as it should be": wav(SAMPLES),
    "several data chunks": wav(
        SAMPLES[:70_000], behind=LIST + b"data" + struct.pack("<I", len(SAMPLES) - 70_000) + SAMPLES[70_000:]
    ),
    "an unknown chunk behind": wav(SAMPLES, behind=b"zzzz" + struct.pack("<I", 4) + b"\x80\x81\x82\x83"),
    "an odd chunk": wav(SAMPLES, behind=b"LIST" + struct.pack("<I", 5) + b"INFO\0\0"),
    "an odd chunk that is not filled up": wav(SAMPLES, behind=b"LIST" + struct.pack("<I", 5) + b"INFO\0"),
    "extensible": wav(
        SAMPLES,
        form=struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, RATE * 2, 2, 16, 22, 16, 4)
        + b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71",
    ),
}


@pytest.mark.parametrize("kind", AGREED)
def test_a_wav_file_with_more_chunks_is_heard_and_nothing_is_told(kind: str, tmp_path: Path) -> None:
    path = joined(tmp_path, AGREED[kind])
    np.testing.assert_allclose(heard(path)[0], MONO, atol=1e-4)
    assert told(path) == []


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_an_odd_number_of_bytes_shifts_nothing_behind_it(pad: bytes, tmp_path: Path) -> None:
    form = struct.pack("<HHIIHH", 1, 1, RATE, RATE, 1, 8)
    loud = bytes([128 + 100 * (n % 48 < 24) for n in range(RATE + 1)])
    path = joined(tmp_path, wav(loud, form=form, behind=pad), wav(SAMPLES))
    assert heard(path).shape[1] == RATE + 1 + len(SAID)
    np.testing.assert_allclose(heard(path)[0, -RATE:], MONO[-RATE:], atol=1e-4)
    cut = joined(tmp_path, wav(SAMPLES[:48_001]), wav(SAMPLES[48_000:]))
    np.testing.assert_allclose(heard(cut)[0], MONO, atol=1e-4)


def id3(size: int, content: bytes = b"") -> bytes:
    return (
        b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + content + bytes(size - len(content))
    )


APE = (
    b"APETAGEX" + struct.pack("<IIII8x", 2000, 49, 1, 0xA0000000) + struct.pack("<II", 8, 0) + b"Title\0" + b"abcdefgh"
)
APE += b"\xff\xfb" * 8 + b"\0" * 3 + b"APETAGEX" + struct.pack("<IIII8x", 2000, 73, 1, 0x80000000)
AROUND: dict[str, tuple[bytes, bytes]] = {
    "zeros": (bytes(700), b""),
    "many zeros": (bytes(300_000), b""),
    "a tag with padding": (id3(5000, b"TIT2\0\0\0\x05\0\0\0abcd\xff\xfb\x90\x64"), b""),
    "a tag and zeros that it does not count": (id3(100) + bytes(3000), b""),
    "two tags": (id3(100) + id3(200), b""),
    "tags behind": (b"", b"TAG" + bytes(125)),
    "zeros behind": (b"", bytes(4096)),
}


WHOLE = [(form, around) for form in ("mp3", "mp2", "adts", "flac", "wav") for around in AROUND]


# What follows a WAV file's samples may be samples.
@pytest.mark.parametrize(("form", "around"), [each for each in WHOLE if each[0] != "wav" or not AROUND[each[1]][1]])
def test_tags_and_zeros_around_a_sound_are_no_part_of_it(form: str, around: str, tmp_path: Path) -> None:
    before, behind = AROUND[around]
    whole = part(tmp_path, form, 0)
    path = joined(tmp_path, before, whole, behind)
    alike(heard(path), heard(whole))
    assert told(path) == []


@pytest.mark.parametrize("form", FORMS)
def test_junk_before_a_sound_is_passed_over_and_told(form: str, tmp_path: Path) -> None:
    whole = part(tmp_path, form, 0)
    junk = np.random.default_rng(2).bytes(3000)
    path = joined(tmp_path, junk, whole)
    alike(heard(path), heard(whole))
    assert told(path) == ["其中 3000 字节不是声音，已略过"]


def test_an_ape_tag_before_the_frames_is_no_sound(tmp_path: Path) -> None:
    whole = part(tmp_path, "mp3", 0)
    alike(heard(joined(tmp_path, APE, whole)), heard(whole))


def _cut_flac(folder: Path) -> bytes:
    whole = part(folder, "flac", 0).read_bytes()
    return whole[: len(whole) // 2]


def _cut_mp3(folder: Path) -> bytes:
    whole = part(folder, "mp3", 0).read_bytes()
    return whole[: len(whole) // 2]


@pytest.mark.parametrize("cut", [_cut_flac, _cut_mp3])
def test_a_sound_that_is_shorter_than_its_header_says_is_told(cut: Callable[[Path], bytes], tmp_path: Path) -> None:
    path = joined(tmp_path, cut(tmp_path))
    assert 0.8 < heard(path).shape[1] / RATE < 1.6
    assert "长度" in told(path)[0]


@pytest.mark.parametrize("form", FORMS)
def test_a_plain_sound_has_nothing_to_be_told_of(form: str, tmp_path: Path) -> None:
    assert told(part(tmp_path, form, 0)) == []


def test_a_joined_sound_that_cannot_be_decoded_is_refused_and_not_left_out(tmp_path: Path) -> None:
    form = struct.pack("<HHIIHH", 0x4321, 1, RATE, RATE * 2, 2, 16)
    path = joined(tmp_path, part(tmp_path, "wav", 0), wav(SAMPLES, form=form))
    with pytest.raises(UnusableMedia):
        heard(path)


def test_a_live_webm_of_unknown_length_and_another_behind_are_heard(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "a.wav", speech(2.0, 1))
    ffmpeg("-i", source, "-c:a", "libopus", "-f", "webm", "-live", "1", tmp_path / "live.webm")
    one = heard(tmp_path / "live.webm").shape[1]
    path = joined(tmp_path, tmp_path / "live.webm", tmp_path / "live.webm")
    assert heard(path).shape[1] == 2 * one


def test_many_gaps_and_chunks_are_gone_through_once(tmp_path: Path) -> None:
    """Half a million of the smallest parts: time that grows with their square would end the decoder by its limit."""
    chunk = b"data" + struct.pack("<I", 2) + b"\0\0"
    path = joined(tmp_path, wav(b"", behind=chunk * 500_000))
    assert heard(path).shape[1] == 500_000
    frame = part(tmp_path, "mp3", 0).read_bytes()[-384:]
    silent = joined(tmp_path, part(tmp_path, "mp3", 0), (bytes([1] * 40) + frame * 3) * 3000)
    assert heard(silent).shape[1] > RATE
    assert silence(0).shape == (2, 0)
