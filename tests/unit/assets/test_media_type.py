"""Files are what their bytes say."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import av
import pytest
from PIL import Image

from common.errors import BadNodeResult
from service.assets.media_type import Kind, sniff


def image(form: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(out, form)
    return out.getvalue()


def speech() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return out.getvalue()


def encoded(container: str, codec: str) -> bytes:
    """A moment of black or of silence."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        if codec in ("libx264", "libvpx-vp9"):
            video = file.add_stream(codec, rate=5)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            file.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
            file.mux(video.encode(None))
        else:
            audio = file.add_stream(codec, rate=48000)
            frame = av.AudioFrame(format=audio.format.name, layout="mono", samples=960)
            frame.sample_rate = 48000
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            audio.layout = "mono"
            file.mux(audio.encode(frame))
            file.mux(audio.encode(None))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "extension"),
    [
        (image("PNG"), Kind.IMAGE, "png"),
        (image("JPEG"), Kind.IMAGE, "jpg"),
        (image("WEBP"), Kind.IMAGE, "webp"),
        (speech(), Kind.AUDIO, "wav"),
        (encoded("mp3", "libmp3lame"), Kind.AUDIO, "mp3"),
        (encoded("ipod", "aac"), Kind.AUDIO, "m4a"),
        (encoded("ogg", "libopus"), Kind.AUDIO, "ogg"),
        (encoded("flac", "flac"), Kind.AUDIO, "flac"),
        (encoded("adts", "aac"), Kind.AUDIO, "aac"),
        (encoded("webm", "libopus"), Kind.AUDIO, "weba"),
        (encoded("matroska", "libopus"), Kind.AUDIO, "weba"),
        (encoded("mp2", "mp2"), Kind.AUDIO, "mp3"),
        (bytes(700) + encoded("mp3", "libmp3lame"), Kind.AUDIO, "mp3"),
        (bytes(100_000) + encoded("adts", "aac"), Kind.AUDIO, "aac"),
        (b"ID3\x04\0\0\0\0\x10\0" + bytes(5000) + encoded("mp3", "libmp3lame"), Kind.AUDIO, "mp3"),
        (b"ID3\x03\0\0\0\0\x10\0" + bytes(2048) + encoded("flac", "flac"), Kind.AUDIO, "flac"),
        (bytes(range(1, 200)) * 10 + encoded("mp3", "libmp3lame"), Kind.AUDIO, "mp3"),
        (encoded("mp4", "libx264"), Kind.VIDEO, "mp4"),
        (encoded("webm", "libvpx-vp9"), Kind.VIDEO, "webm"),
    ],
)
def test_real_files_are_recognised_whatever_their_name(
    content: bytes, kind: Kind, extension: str, tmp_path: Path
) -> None:
    path = tmp_path / "named.mp3"
    path.write_bytes(content)
    assert sniff(path, kind).extension == extension
    for other in set(Kind) - {kind}:
        if extension not in ("m4a", "mp4", "webm", "weba"):  # one container, both uses: the decoder decides
            with pytest.raises(BadNodeResult):
                sniff(path, other)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "内容为空"),
        (b"  <!DOCTYPE html><html>", "是一个网页"),
        (b'{"detail": "Not Found"}', "JSON"),
        (b"\x00" * 100, "无法识别"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "无法识别"),
        (b"RIFF\x00\x00\x00\x00AVI ", "无法识别"),
    ],
)
def test_what_cannot_be_used_is_described_to_the_user(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    for kind in Kind:
        with pytest.raises(BadNodeResult, match=reason) as caught:
            sniff(path, kind)
        assert kind.value in str(caught.value)
