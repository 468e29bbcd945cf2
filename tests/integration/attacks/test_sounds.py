"""Sounds whose headers, times or boxes lie, at the door for music and out of a model node."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.integration.attacks.memory import Peak
from tests.support.hostile_media import ffmpeg
from tests.support.server_process import ServerUnderTest

MIB = 1 << 20
ROOM = 500 * MIB  # for a child with its libraries; what was found took gigabytes
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2")


def as_codec(suffix: str, *options: str, source: tuple[str, ...] = TONE) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / f"a.{suffix}"
        ffmpeg(*source, *options, path)
        return path

    return make


def patched(make: Callable[[Path], Path], patch: Callable[[bytearray], object]) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        path = make(folder)
        data = bytearray(path.read_bytes())
        patch(data)
        path.write_bytes(data)
        return path

    return made


def put(data: bytearray, mark: bytes, offset: int, form: str, *values: int) -> None:
    at = data.index(mark) + offset
    struct.pack_into(form, data, at, *values)


def shifted(suffix: str, shift: int, *options: str) -> Callable[[Path], Path]:
    """The second half comes `shift` seconds later."""
    return as_codec(suffix, *options, "-bsf:a", f"setts=ts='if(gt(N,20),TS+{shift}/TB,TS)'")


def segment_of_ogg(data: bytearray) -> None:
    """The last page's granule says that there were two to the 40 samples; its sum is not mended."""
    put(data, b"OggS", data.rindex(b"OggS") - data.index(b"OggS") + 6, "<q", 1 << 40)


WORKS: dict[str, Callable[[Path], Path]] = {
    "CAF at 1 Hz": patched(as_codec("caf"), lambda d: put(d, b"desc", 12, ">d", 1)),
    "AIFF at an endless rate": patched(as_codec("aiff"), lambda d: put(d, b"COMM", 16, ">HQ", 0x7FFF, 1 << 63)),
    "AU at 1 Hz": patched(as_codec("au"), lambda d: put(d, b".snd", 16, ">I", 1)),
    "WAV of float64 at 5 Hz": patched(as_codec("wav", "-c:a", "pcm_f64le"), lambda d: put(d, b"fmt ", 12, "<I", 5)),
    "Vorbis at 1 Hz": patched(as_codec("ogg", "-c:a", "libvorbis"), lambda d: put(d, b"\x01vorbis", 12, "<I", 1)),
    "Opus whose last page lies far away": patched(as_codec("ogg", "-c:a", "libopus"), segment_of_ogg),
    "FLAC that says 2^36-1 samples": patched(
        as_codec("flac"), lambda d: put(d, b"fLaC", 21, ">BI", d[d.index(b"fLaC") + 21] | 0x0F, 0xFFFFFFFF)
    ),
    "M4A whose edit list begins a day later": as_codec("m4a", "-output_ts_offset", "86400"),
    "WebM whose second half comes 30 years later": shifted("webm", 946_000_000, "-c:a", "libopus"),
    "WebM with a scale of 2 s": patched(
        as_codec("webm", "-c:a", "libopus"), lambda d: put(d, b"\x2a\xd7\xb1\x83", 4, ">BH", 0xFF, 0xFFFF)
    ),
    "M4A with samples of 2^31 units": patched(as_codec("m4a"), lambda d: put(d, b"stts", 16, ">I", 0x7FFFFFFF)),
    "ALAC that says 2^32-1 samples a frame": patched(
        as_codec("m4a", "-c:a", "alac"),
        lambda d: put(d, b"alac", d.rindex(b"alac") - d.index(b"alac") + 8, ">I", 0xFFFFFFFF),
    ),
    "one sample of WAV": as_codec("wav", source=("-f", "lavfi", "-i", "anullsrc=r=48000:d=0.00003")),
    "MP3 whose Xing says 2^32-1 frames": patched(as_codec("mp3"), lambda d: put(d, b"Info", 8, ">I", 0xFFFFFFFF)),
}


@pytest.mark.parametrize("kind", WORKS)
def test_a_sound_that_lies_costs_no_memory_and_no_fault_of_the_server(
    server: ServerUnderTest, tmp_path: Path, kind: str
) -> None:
    path = WORKS[kind](tmp_path)

    with Peak(server) as peak, path.open("rb") as file:
        answer = requests.post(f"{server.url}/v1/api/music", files={"f": (path.name, file)}, timeout=60)

    assert answer.status_code in (200, 400), answer.text
    assert peak.bytes < ROOM
    if answer.status_code == 200:
        assert answer.json()["music"]["duration"] <= 2 * 3600
