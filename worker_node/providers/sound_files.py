"""Sounds as servers answer them, read by what their bytes are, whatever the answer calls them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from worker_node.errors import BrokenAnswer
from worker_node.providers.http import json_or_text
from worker_node.providers.http_errors import clean

Samples = NDArray[np.float32]

MAX_REASON = 1 << 16  # bytes
UNKNOWN_LENGTH = 0x7FFFFF00  # a WAV of at least so many bytes was written before its length was known
TORN_S, TORN_SHARE = 0.3, 0.02  # how much less than a file promises may be in it
_HEADERS = (
    (b"ID3", "mp3"),
    (b"OggS", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"RIFF", "wav"),
    (b"RF64", "wav"),
)


def format_of(content: bytes) -> str:
    """ffmpeg's name for a sound file's format, by its first bytes; "" for one that we do not know, which is not tried."""
    for head, name in _HEADERS:
        if content.startswith(head):
            return name
    if content[4:8] == b"ftyp":
        return "mp4"
    if len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0:
        return "aac" if content[1] & 0x06 == 0 else "mp3"
    return ""


def wav_of_pcm(content: bytes, rate: int) -> bytes:
    """Raw 16-bit mono samples as a file that says so; half a sample at the end is dropped."""
    content = content[: len(content) // 2 * 2]
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return struct.pack("<4sI4s24s4sI", b"RIFF", 36 + len(content), b"WAVE", form, b"data", len(content)) + content


def decoded(content: bytes, rate: int, longest_s: float) -> Samples:
    """A sound file's first `longest_s` seconds as mono samples at `rate`; raises `BrokenAnswer` for what is none, or was cut off."""
    form = format_of(content)
    if not form:
        raise BrokenAnswer(_no_sound(content))
    try:
        with av.open(io.BytesIO(content), format=form) as container:
            if not container.streams.audio:
                raise BrokenAnswer("回答中没有声音")
            promised = _promised(content, form, container.streams.audio[0])
            samples = _joined(container, rate, longest_s)
    except (av.error.FFmpegError, ValueError) as error:
        raise BrokenAnswer(f"语音文件已损坏（{type(error).__name__}）") from error
    missing = min(promised, longest_s) - samples.size / rate
    if missing > max(TORN_S, TORN_SHARE * promised):
        raise BrokenAnswer(f"语音文件被截断，缺少 {missing:.1f} 秒")
    return samples


def _joined(container: av.container.InputContainer, rate: int, longest_s: float) -> Samples:
    parts: list[Samples] = []
    left = round(longest_s * rate)
    for part in _resampled(container, rate):
        parts.append(part[:left])
        left -= parts[-1].size
        if left <= 0:
            break
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _resampled(container: av.container.InputContainer, rate: int) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    for frame in container.decode(audio=0):
        frame.pts = None  # what was torn apart by the network has times that jump
        for each in resampler.resample(frame):
            yield each.to_ndarray()[0].astype(np.float32)
    for each in resampler.resample(None):
        yield each.to_ndarray()[0].astype(np.float32)


def _promised(content: bytes, form: str, stream: av.AudioStream) -> float:
    """Seconds that the file says it has, 0 where it does not know; of a format that only guesses, nothing is believed."""
    if form == "wav":
        at = content.find(b"data", 12, 4096)
        size = int.from_bytes(content[at + 4 : at + 8], "little") if at > 0 else 0
        per_second = (
            stream.rate
            * max(1, stream.channels)
            * max(1, stream.codec_context.format.bytes if stream.codec_context.format else 2)
        )
        return size / per_second if size < UNKNOWN_LENGTH else 0.0
    counted = form in ("flac", "mp4") or (form == "mp3" and any(tag in content[:8192] for tag in (b"Xing", b"Info")))
    return float(stream.duration * stream.time_base) if counted and stream.duration and stream.time_base else 0.0


def _no_sound(content: bytes) -> str:
    """What came in place of a sound."""
    if not content:
        return "语音是空的"
    found = json_or_text(content[:MAX_REASON]) if content[:1] == b"{" else None
    if not isinstance(found, dict):
        return "回答不是声音文件"
    return f"服务没有给出声音：{told(found)}"


def told(answer: Mapping[str, Any]) -> str:
    """The reason in an error's JSON, in one line."""
    given = [answer.get(name) for name in ("error", "message", "msg", "detail")]
    inner = [each.get("message") for each in given if isinstance(each, dict)]
    return clean(next((each for each in (*inner, *given) if isinstance(each, str) and each), "没有说明原因"))


def stretched(samples: Samples, rate: int, factor: float) -> Samples:
    """Faster by a factor (0.5 to 2) at the same pitch."""
    graph = av.filter.Graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate, layout="mono", time_base=Fraction(1, rate))
    tempo, sink = graph.add("atempo", f"{factor:.6f}"), graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    parts: list[Samples] = []
    for start in range(0, samples.size, rate):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[None, start : start + rate]), format="flt", layout="mono"
        )
        frame.sample_rate, frame.pts = rate, start
        graph.push(frame)
        parts += _pulled(graph)
    graph.push(None)
    parts += _pulled(graph)
    return np.concatenate(parts) if parts else samples


def _pulled(graph: av.filter.Graph) -> Iterator[Samples]:
    while True:
        try:
            frame = graph.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield frame.to_ndarray()[0].astype(np.float32)
