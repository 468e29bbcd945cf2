"""Sounds and clips that nobody should have sent, and how much memory it takes to look at them."""

from __future__ import annotations

import struct
import subprocess
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from service.film.encoding.ffmpeg import ffmpeg_exe


def raw_sound(path: Path, rate: int, *, samples: int = 30_000, options: tuple[str, ...] = ()) -> Path:
    """A file of so many mono samples that its header gives this rate; the codec is that of the extension."""
    codec = {"flac": ("-c:a", "flac", "-frame_size", "16384"), "wav": ("-c:a", "pcm_u8"), "mov": ("-c:a", "pcm_s16le")}
    data = bytes(range(100, 150)) * (samples // 50)
    ffmpeg("-f", "u8", "-ar", str(rate), "-ac", "1", "-i", "-", *codec[path.suffix[1:]], *options, path, data=data)
    return path


def ffmpeg(*arguments: str | Path, data: bytes = b"") -> None:
    """Run ffmpeg; `data` is its standard input."""
    command = [ffmpeg_exe(), "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, input=data)


def wav_header(path: Path, *, rate: int = 48_000, channels: int = 1, claims: int | None = None, data: bytes) -> Path:
    """A WAV file whose header says what it is told to say."""
    size = len(data) if claims is None else claims
    fmt = struct.pack("<HHIIHH", 1, channels, rate, (rate * channels) & 0xFFFFFFFF, channels & 0xFFFF, 8)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", (4 + len(chunks)) & 0xFFFFFFFF) + b"WAVE" + chunks)
    return path


def plain_wav(path: Path, rate: int, seconds: float = 1.0) -> Path:
    """A sound as anybody might send it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(b"\x90\x70" * round(rate * seconds / 2))
    return path


class Peak:
    """The most memory (RSS, bytes) that this process and those below it had, beyond what it was at first."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched() -> Iterator[Peak]:
    """Look at the memory of this process and of all below it, as often as a thread can."""
    peak, done = Peak(), threading.Event()
    before = _resident()

    def look() -> None:
        while not done.is_set():
            peak.bytes = max(peak.bytes, _resident() - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def _resident() -> int:
    own = psutil.Process()
    total, program = own.memory_info().rss, own.cmdline()
    for process in own.children(recursive=True):
        try:
            if (
                process.cmdline() != program
            ):  # a child that is not yet another program shares all it has with its parent
                total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total
