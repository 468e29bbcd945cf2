"""A text fit for speaking, its parts, and sounds by their bytes."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from tests.support.model_servers import sounds
from worker_node.errors import BrokenAnswer
from worker_node.providers.sound_files import decoded, format_of, stretched, wav_of_pcm
from worker_node.providers.speaking import parts, spoken_text
from worker_node.providers.voice_rows import listed_voices

RATE = 24_000


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("# 标题\n\n**重点**：涨了50%。😀\n\n---\n\n再见", "标题\n重点：涨了百分之50。\n再见"),
        ("价格是 $3，看 https://example.com/a/b?c=1 就知道", "价格是 3美元，看 example.com 就知道"),
        ("他走了——再也没有回来", "他走了，再也没有回来"),
        ("a snake_case name ___ *** here", "a snake case name\nhere"),
        ("Это 50% цены", "Это 50% цены"),
        ("日本語で50%です。", "日本語で50%です。"),
        ("--- *** ___", ""),
    ],
)
def test_a_text_becomes_what_is_said(written: str, said: str) -> None:
    assert spoken_text(written, "zh") == said


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("他说：“你好。”然后走了。" * 30, 100),
        ("没有标点" * 200, 90),
        ("It rained, and he stayed at home. " * 40, 120),
        ("x" * 500, 100),
        ("第一句很长，" * 60 + "。尾。", 100),
    ],
)
def test_parts_are_short_enough_and_nothing_is_lost(text: str, longest: int) -> None:
    found = parts(text, longest)
    assert max(map(len, found)) <= longest
    assert "".join("".join(found).split()) == "".join(text.split())
    assert len(found) <= 2.5 * len(text) / longest


def test_parts_end_where_sentences_do() -> None:
    assert parts("他来了。她也来了！后来呢？", 9) == ["他来了。她也来了！", "后来呢？"]


def flac(sound: sounds.Sound, codec: str = "flac", form: str = "flac") -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        resampler = av.AudioResampler(stream.format, stream.layout, stream.rate, stream.frame_size or 1024)
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return out.getvalue()


SOUND = sounds.voice(3.0, RATE)


@pytest.mark.parametrize(
    "content",
    [
        sounds.wav(SOUND, RATE),
        sounds.streamed_wav(SOUND, RATE),
        sounds.mp3(SOUND, RATE),
        wav_of_pcm(sounds.pcm(SOUND) + b"\1", RATE),
        flac(SOUND),
        flac(SOUND, "libopus", "ogg"),
        flac(SOUND, "aac", "adts"),
    ],
    ids=["wav", "streamed wav", "mp3", "pcm", "flac", "opus", "aac"],
)
def test_any_sound_is_read_by_its_bytes(content: bytes) -> None:
    assert decoded(content, 16_000, 60.0).size / 16_000 == pytest.approx(3.0, abs=0.1)
    assert decoded(content, 16_000, 1.0).size == 16_000, "no more of it than is asked for"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "语音是空的"),
        (b'{"error": {"message": "synthesis failed"}}', "synthesis failed"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "不是声音文件"),
        (b"{not json", "不是声音文件"),
        (sounds.wav(SOUND, RATE)[:60_000], "被截断"),
        (sounds.mp3(SOUND, RATE)[:8_000], "被截断"),
        (b"ID3" + bytes(range(256)) * 40, "已损坏"),
    ],
    ids=["empty", "json", "playlist", "braces", "half a wav", "half an mp3", "noise"],
)
def test_what_is_no_sound_is_told(content: bytes, reason: str) -> None:
    with pytest.raises(BrokenAnswer, match=reason):
        decoded(content, RATE, 60.0)


@pytest.mark.parametrize(
    "content", [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"PK\3\4", b"#EXTM3U", b"ffconcat version 1.0", b""]
)
def test_a_file_that_is_no_sound_is_not_even_tried(content: bytes) -> None:
    assert format_of(content) == ""


@pytest.mark.parametrize("factor", [0.5, 0.8, 2.0])
def test_a_sound_is_made_faster_at_the_same_pitch(factor: float) -> None:
    at = np.arange(3 * RATE) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * at)).astype(np.float32)
    made = stretched(tone, RATE, factor)
    assert made.size / RATE == pytest.approx(3 / factor, rel=0.03)
    middle = made[made.size // 4 : made.size // 4 + RATE // 2]
    assert np.abs(np.fft.rfft(middle)).argmax() * 2 == pytest.approx(440, abs=6)


def test_voices_are_read_in_every_form_that_servers_list_them_in() -> None:
    listed = [
        "alloy",
        {"voice_id": "a1", "name": "Anna", "gender": "Female", "language": "en"},
        {"name": "Ben"},
        3,
        {},
        "x" * 300,
        "alloy",
    ]
    assert [tuple(row) for row in listed_voices(listed)] == [
        ("alloy", "alloy", "", ""),
        ("a1", "Anna", "en", "female"),
        ("Ben", "Ben", "", ""),
    ]
    assert listed_voices({"no": "list"}) == []
