"""The process that opens other people's sounds and clips: its limits, its ends, and what is refused in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from common.errors import Cancelled, DependencyError, HostUnavailable
from service.film import decoder
from service.film.decoder import Decoder, visiting_decoder
from service.film.errors import UnusableMedia
from tests.integration.film import material
from tests.support.audio_signals import encode, tone
from tests.support.hostile_media import ffmpeg, plain_wav, raw_sound, watched, wav_header
from tests.support.processes import below
from tests.support.soak import soaking
from tests.support.wait import wait_until

ROOT = Path(__file__).parents[3]
STARTS_ONE = """
import time
from service.film.decoder import Decoder
with Decoder() as decoder:
    decoder.start()
    print(decoder._process.pid, flush=True)
    time.sleep(600)
"""
MANY = 400 << 20  # bytes; a child without anything to open has 60 MiB


def seconds(path: Path) -> float:
    with Decoder() as asked:
        return asked.sound_seconds(path)


def clip_fault(path: Path) -> str:
    """Why a clip is refused; "" where it is not."""
    with Decoder() as asked:
        try:
            asked.check_clip(path)
        except UnusableMedia as error:
            return str(error)
    return ""


def decoders() -> list[psutil.Process]:
    return below("service.film.decoder_process")


@pytest.fixture
def started() -> Callable[[], list[psutil.Process]]:
    """Says which children came since the test began: those that make other tests' thumbnails live on for a moment."""
    before = decoders()
    return lambda: [child for child in decoders() if child not in before]


@pytest.mark.parametrize("rate", soaking([1, 8, 100, 3_999], keep=[1, 3_999]))
@pytest.mark.parametrize("suffix", ["flac", "wav", "mov"])
def test_a_sound_of_too_low_a_rate_is_refused_by_its_number_and_costs_no_memory(
    suffix: str, rate: int, tmp_path: Path
) -> None:
    path = raw_sound(tmp_path / f"a.{suffix}", rate)
    with watched() as peak, pytest.raises(UnusableMedia, match=f"{rate} Hz.*4000 到 384000"):
        seconds(path)
    assert peak.bytes < MANY


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_a_sound_of_any_usual_rate_is_heard(rate: int, tmp_path: Path) -> None:
    assert seconds(plain_wav(tmp_path / "a.wav", rate)) == pytest.approx(1.0, abs=0.01)


def _many_channels(path: Path) -> None:
    wav_header(path, channels=200, data=bytes(200 * 3000))


def _absurd_rate(path: Path) -> None:
    wav_header(path, rate=4_000_000_000, data=bytes(30_000))


def _no_rate(path: Path) -> None:
    wav_header(path, rate=0, data=bytes(30_000))


def _one_packet(path: Path, size: int) -> None:
    with av.open(str(path), "w", format="matroska") as file:
        stream = file.add_stream("pcm_u8", rate=8000, layout="mono")
        file.start_encoding()
        packet = av.Packet(bytes([128]) * size)
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 8000)
        file.mux(packet)


def _hours_of_opus(path: Path) -> None:
    """Packets of a few bytes, 120 ms each: three hours in less than a megabyte."""
    silent = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=600", "-c:a", "libopus", "-b:a", "500")
    ffmpeg(*silent, "-frame_duration", "120", path.with_suffix(".part.ogg"))
    path.write_bytes(path.with_suffix(".part.ogg").read_bytes() * 18)


def _rate_falls(path: Path) -> None:
    """A FLAC file goes on as another, of 8 Hz."""
    high, low = (raw_sound(path.with_suffix(f".{rate}.flac"), rate) for rate in (48_000, 8))
    frames = low.read_bytes()
    path.write_bytes(high.read_bytes() + frames[frames.index(b"\xff\xf8") :])


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "channels": (_many_channels, "声道|解码"),
    "absurd rate": (_absurd_rate, "Hz|解码"),
    "no rate": (_no_rate, "解码|没有"),
    "a packet of 20 MB": (partial(_one_packet, size=20 << 20), "最多 8 MB"),
    "a frame of 7 MB": (partial(_one_packet, size=7 << 20), "最多 262144 个采样"),
    "hours in a megabyte": (_hours_of_opus, "最多 2 小时"),
    "a rate that falls": (_rate_falls, "8 Hz"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_sound_that_expands_is_refused_in_words_and_costs_no_memory(kind: str, tmp_path: Path) -> None:
    make, reason = HOSTILE[kind]
    make(tmp_path / "a.bin")
    with watched() as peak, pytest.raises(UnusableMedia, match=reason):
        seconds(tmp_path / "a.bin")
    assert peak.bytes < MANY


@pytest.mark.parametrize("count", [32, 33, 100])
def test_a_file_may_hold_thirty_two_streams(count: int, tmp_path: Path) -> None:
    sources = [word for _ in range(count) for word in ("-f", "lavfi", "-i", "anullsrc=d=1")]
    maps = [word for number in range(count) for word in ("-map", str(number))]
    ffmpeg(*sources, *maps, "-c:a", "pcm_s16le", tmp_path / "a.mkv")
    if count <= 32:
        assert seconds(tmp_path / "a.mkv") == pytest.approx(1.0, abs=0.1)
    else:
        with pytest.raises(UnusableMedia, match="最多 32 条"):
            seconds(tmp_path / "a.mkv")


def test_a_header_that_claims_hours_is_not_believed(tmp_path: Path) -> None:
    path = wav_header(tmp_path / "a.wav", rate=8000, claims=0xFFFFFF00, data=bytes([128] * 8000))
    assert seconds(path) == pytest.approx(1.0, abs=0.01)


def test_a_file_that_takes_more_memory_than_there_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=6000x6000:r=5:d=2", *H264, "-preset", "ultrafast", tmp_path / "a.mp4")
    assert clip_fault(tmp_path / "a.mp4") == ""
    monkeypatch.setattr(decoder, "PICTURE_MEMORY", 220 << 20)
    with watched() as peak:
        fault = clip_fault(tmp_path / "a.mp4")
    assert "片段" in fault or fault == decoder.TOO_MUCH  # whoever is the first to get no memory
    assert peak.bytes < 220 << 20


def test_a_file_that_takes_more_time_than_there_is_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = encode(tmp_path / "a.mp3", tone(30, -20), "mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(piece * 100)
    monkeypatch.setattr(decoder, "PROCESSOR_S", 0)
    with pytest.raises(UnusableMedia, match="用时超过上限 0 秒"):
        seconds(tmp_path / "a.mp3")


FATES: list[tuple[signal.Signals, type[Exception], str]] = [
    (signal.SIGSEGV, UnusableMedia, "意外结束"),
    (signal.SIGSTOP, UnusableMedia, "没有反应"),
    (signal.SIGKILL, HostUnavailable, "被系统或他人终止"),
]


def test_a_decoder_that_dies_or_stands_still_is_told_and_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: Callable[[], list[psutil.Process]]
) -> None:
    path = plain_wav(tmp_path / "a.wav", 48_000)
    monkeypatch.setattr(decoder, "SILENCE_S", 1.0)
    with Decoder() as asked:
        for fate, error, reason in FATES:
            asked.start()
            wait_until(started, 30, "a child that is the decoder by now")
            [child] = started()
            child.send_signal(fate)
            with pytest.raises(error, match=reason):
                asked.sound_seconds(path)
            assert not started()
        monkeypatch.undo()
        assert asked.sound_seconds(path) == pytest.approx(1.0, abs=0.01)
        first = started()
        assert asked.sound_seconds(path) == pytest.approx(1.0, abs=0.01)
        assert started() == first, "one child for all that is asked"
    assert not started()


def test_whoever_waits_may_stop_and_the_decoder_is_gone(
    tmp_path: Path, started: Callable[[], list[psutil.Process]]
) -> None:
    path = plain_wav(tmp_path / "a.wav", 48_000, 600)
    calls: list[None] = []

    def check() -> None:
        calls.append(None)
        if len(calls) > 50:
            raise Cancelled

    with Decoder() as asked:
        with pytest.raises(Cancelled):
            list(asked.sound(path, 600, check))
        assert not started()


def test_a_decoder_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS_ONE], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 30, "the decoder's end")


def test_files_that_come_in_are_looked_at_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_turns", threading.BoundedSemaphore(1))
    monkeypatch.setattr(decoder, "TURN_S", 0.2)
    with visiting_decoder(), pytest.raises(DependencyError, match="文件太多"), visiting_decoder():
        pass
    with visiting_decoder():
        pass


SECOND = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize(
    "options",
    [
        ("a.mp4", *H264),
        ("a.mp4", *H264, "-movflags", "faststart"),
        ("a.mp4", *H264, "-movflags", "frag_keyframe+empty_moov"),
        ("a.mp4", *H264, "-movflags", "dash+frag_keyframe"),
        ("a.mp4", *H264, "-frames:v", "1"),
        ("a.mov", "-c:v", "mjpeg"),
        ("a.mkv", *H264),
        ("a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime"),
        ("a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-live", "1"),
    ],
    ids=lambda options: " ".join(options[::2]),
)
def test_a_whole_clip_of_any_make_is_taken(options: tuple[str, ...], tmp_path: Path) -> None:
    name, *how = options
    ffmpeg(*SECOND, *how, tmp_path / name)
    assert clip_fault(tmp_path / name) == ""


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize(
    "options",
    [
        ("a.mp4", *H264),
        ("a.mp4", *H264, "-movflags", "faststart"),
        ("a.mp4", *H264, "-movflags", "frag_keyframe+empty_moov", "-g", "3"),
        ("a.mp4", "-f", "lavfi", "-i", "sine=d=1", *H264, "-movflags", "faststart"),
        ("a.mkv", *H264),
        ("a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime"),
    ],
    ids=lambda options: " ".join(options[::2]),
)
def test_a_clip_that_was_cut_off_is_refused(options: tuple[str, ...], share: float, tmp_path: Path) -> None:
    name, *how = options
    ffmpeg(*SECOND, *how, tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    assert "片段" in clip_fault(tmp_path / name)


def test_a_clip_whose_pictures_are_noise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    material.clip(path, [np.full((90, 160, 3), 20 * n, np.uint8) for n in range(10)])
    data = bytearray(path.read_bytes())
    start, end = data.index(b"mdat") + 4, data.index(b"moov") - 4
    data[start:end] = np.random.default_rng(4).bytes(end - start)
    path.write_bytes(data)
    assert "片段" in clip_fault(path)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("testsrc2=s=4096x64:r=10:d=1", "长边最多是短边的 20 倍"),
        ("color=s=8192x8192:r=1:d=1", "上限 40 百万像素"),
        ("testsrc2=s=160x90:r=1000:d=0.1", "每秒 1000 帧，应在 0.1 到 240 之间"),
        ("testsrc2=s=160x90:r=1/100:d=300", "每秒 0.01 帧，应在 0.1 到 240 之间"),
        ("color=s=64x64:r=1:d=601", "太长，最多 600 秒"),
    ],
)
def test_a_clip_of_no_use_to_a_film_is_refused_by_the_limit(source: str, reason: str, tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", source, *H264, "-preset", "ultrafast", tmp_path / "a.mp4")
    assert reason in clip_fault(tmp_path / "a.mp4")


def test_a_clip_of_too_many_tracks_is_refused(tmp_path: Path) -> None:
    sources = [word for _ in range(40) for word in ("-f", "lavfi", "-i", "color=s=64x64:r=5:d=1")]
    maps = [word for number in range(40) for word in ("-map", str(number))]
    ffmpeg(*sources, *maps, *H264, tmp_path / "a.mp4")
    assert "轨道太多" in clip_fault(tmp_path / "a.mp4")


def test_a_clip_that_grows_in_the_middle_is_refused(tmp_path: Path) -> None:
    joined = b""
    for size in ("64x64", "9000x9000"):
        part = tmp_path / f"{size}.h264"
        source = ("-f", "lavfi", "-i", f"color=s={size}:r=5:d=0.4", *H264, "-preset", "ultrafast")
        ffmpeg(*source, "-bsf:v", "h264_mp4toannexb", part)
        joined += part.read_bytes()
    (tmp_path / "joined.h264").write_bytes(joined)
    ffmpeg("-f", "h264", "-i", tmp_path / "joined.h264", "-c", "copy", tmp_path / "a.mkv")
    assert "上限 40 百万像素" in clip_fault(tmp_path / "a.mkv")


def test_a_sound_alone_is_no_clip(tmp_path: Path) -> None:
    encode(tmp_path / "a.m4a", tone(1, -20), "aac")
    assert "没有画面" in clip_fault(tmp_path / "a.m4a")
