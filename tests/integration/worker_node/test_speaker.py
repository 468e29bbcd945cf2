"""The offline speaker, by listening to what it wrote."""

from __future__ import annotations

import statistics
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from worker_node.providers.base import QuietRun, SpeechRequest
from worker_node.providers.offline.speaker import OfflineSpeaker, Run, runs, variant, write_audio

CHINESE = "从前有一位老人，住在海边的灯塔里。"
ENGLISH = "Once upon a time an old man lived in a lighthouse by the sea."


@pytest.fixture(scope="module")
def speaker() -> OfflineSpeaker:
    return OfflineSpeaker()


def hear(path: Path) -> tuple[NDArray[np.float64], int, str]:
    """Samples in -1 to 1, their rate, the codec."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout="mono", rate=stream.rate)
        parts = [part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)]
        return np.concatenate(parts, axis=1)[0] / 32768, int(stream.rate), stream.codec_context.name


def say(speaker: OfflineSpeaker, folder: Path, text: str, **more: object) -> tuple[NDArray[np.float64], float]:
    """The samples of a WAV, and the length that the speaker claims, in seconds."""
    request = SpeechRequest(text, format="wav", **more)  # type: ignore[arg-type]
    seconds = speaker.speak(request, folder / "a.wav", QuietRun()).seconds
    samples, rate, _ = hear(folder / "a.wav")
    assert len(samples) / rate == pytest.approx(seconds, abs=0.05)
    return samples, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHINESE, [Run("zh", CHINESE)]),
        (ENGLISH, [Run("en", ENGLISH)]),
        ("小猫 Tom 笑了", [Run("zh", "小猫 "), Run("en", "Tom "), Run("zh", "笑了")]),
        ("3.14", [Run("zh", "3.14")]),
        ("2024 was good", [Run("en", "2024 was good")]),
        ("😀…！", []),
        ("猫😀狗", [Run("zh", "猫 狗")]),
    ],
)
def test_each_part_is_read_in_the_language_of_its_script(text: str, expected: list[Run]) -> None:
    assert runs(text, "zh") == expected


@pytest.mark.parametrize("text", [CHINESE, ENGLISH, "小机器人 Pixel 住在城市里。Every night it looked at the moon."])
def test_speech_is_not_silent_and_even_in_level(speaker: OfflineSpeaker, tmp_path: Path, text: str) -> None:
    samples, seconds = say(speaker, tmp_path, text)
    assert 1.5 < seconds < 15
    blocks = samples[: len(samples) // 1200 * 1200].reshape(-1, 1200)
    power = (blocks**2).mean(axis=1)
    level = 10 * np.log10(power[power > power.max() * 1e-3].mean())
    assert -24 < level < -16
    assert np.abs(samples).max() < 0.9


def test_two_speakers_of_one_process_are_heard_each_in_its_turn(tmp_path: Path) -> None:
    """As where the natural voice has foreign words spoken, and the one behind it served once."""
    first, second = OfflineSpeaker(), OfflineSpeaker()
    for speaker in (second, first):
        samples, _ = say(speaker, tmp_path, CHINESE)
        assert np.abs(samples).max() > 0.1


def test_a_longer_text_takes_longer(speaker: OfflineSpeaker, tmp_path: Path) -> None:
    for text in (CHINESE, ENGLISH):
        once, thrice = (say(speaker, tmp_path, text * times)[1] for times in (1, 3))
        assert 2.2 * once < thrice < 3.8 * once


def test_mandarin_is_spoken_a_syllable_a_character_not_spelt(speaker: OfflineSpeaker, tmp_path: Path) -> None:
    _, seconds = say(speaker, tmp_path, CHINESE)
    assert 0.12 < seconds / len(CHINESE) < 0.5


def test_speed_is_a_factor(speaker: OfflineSpeaker, tmp_path: Path) -> None:
    slow, plain, fast = (say(speaker, tmp_path, ENGLISH, speed=speed)[1] for speed in (0.5, 1.0, 2.0))
    assert fast < 0.75 * plain < 0.75 * 0.75 * slow


def test_voices_sound_different(speaker: OfflineSpeaker, tmp_path: Path) -> None:
    def pitch(voice: str) -> float:
        """The median fundamental of the loud frames in hertz, by autocorrelation."""
        samples, _ = say(speaker, tmp_path, ENGLISH, voice=voice)
        frames = samples[: len(samples) // 1200 * 1200].reshape(-1, 1200)
        loud = frames[(frames**2).mean(axis=1) > 0.3 * (frames**2).mean()]
        lags = slice(24_000 // 400, 24_000 // 60)
        found = [24_000 / (lags.start + int(np.correlate(f, f, "full")[1199:][lags].argmax())) for f in loud]
        return float(np.median(found))

    assert pitch("female") > 1.2 * pitch("male")
    assert variant("温柔女声") == "+f2"
    assert variant("m5") == "+m5"
    assert variant("no such voice") == ""


@pytest.mark.parametrize("form", ["mp3", "wav"])
@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_format_and_sample_rate_are_as_asked(speaker: OfflineSpeaker, tmp_path: Path, form: str, rate: int) -> None:
    target = tmp_path / f"a.{form}"
    request = SpeechRequest(CHINESE, format=form, sample_rate=rate)
    seconds = speaker.speak(request, target, QuietRun()).seconds
    samples, found, codec = hear(target)
    assert found == rate
    assert codec.startswith({"mp3": "mp3", "wav": "pcm_s16le"}[form])
    assert len(samples) / rate == pytest.approx(seconds, abs=0.15)


@pytest.mark.parametrize("text", ["😀😀", "……", "！？", "👩‍👧 ✨"])
def test_what_cannot_be_spoken_is_a_short_silence(speaker: OfflineSpeaker, tmp_path: Path, text: str) -> None:
    samples, seconds = say(speaker, tmp_path, text)
    assert 0.2 < seconds < 2
    assert np.abs(samples).max() < 0.01


def test_hours_of_speech_are_written_to_their_end(tmp_path: Path) -> None:
    """As a text of 20,000 characters gives."""
    rate, seconds = 22_050, 100 * 60
    write_audio(np.zeros(rate * seconds, np.float32), rate, tmp_path / "long.wav", "wav", 48_000)
    size = (tmp_path / "long.wav").stat().st_size
    (tmp_path / "long.wav").unlink()
    assert size / (2 * 48_000) == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("他今年１８岁", "他今年18岁"),
        ("卖￥１，２３４．５０", "卖1234.50元"),
        ("涨了５０％", "涨了百分之50"),
        ("**他**[来了](https://example.com/a)", "他来了"),
        ("Prof. Fox came", "Professor Fox came"),
    ],
)
def test_what_is_written_otherwise_is_spoken_alike(
    speaker: OfflineSpeaker, tmp_path: Path, written: str, same: str
) -> None:
    """As long as each other; espeak-ng breathes once in a while for longer, so it is the usual length that counts."""

    def usual_s(text: str) -> float:
        return statistics.median(say(speaker, tmp_path, text)[1] for _ in range(9))

    assert usual_s(written) == pytest.approx(usual_s(same), abs=0.03)


@pytest.mark.parametrize("sign", ["①", "½", "№", "℃", "㎡", "Ⅳ", "＋", "＝", "％", "￥"])
@pytest.mark.parametrize("text", ["他说{}好", "they said {} then"])
def test_a_sign_is_heard(speaker: OfflineSpeaker, tmp_path: Path, sign: str, text: str) -> None:
    assert say(speaker, tmp_path, text.format(sign))[1] > say(speaker, tmp_path, text.format(" "))[1] + 0.08


def test_what_is_left_out_is_named(speaker: OfflineSpeaker, tmp_path: Path) -> None:
    request = SpeechRequest("他说ꦲꦏ，１８％。", format="wav")
    assert speaker.speak(request, tmp_path / "a.wav", QuietRun()).unread == ("ꦲꦏ",)
