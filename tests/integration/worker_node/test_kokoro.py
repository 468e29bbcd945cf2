"""The natural speaker, by looking at what it wrote: files, times of words, voices."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from worker_node.errors import ProviderUnable
from worker_node.process import WorkProcess
from worker_node.providers.base import QuietRun, SpeechRequest, Spoken, Voice
from worker_node.providers.kokoro import model, voices
from worker_node.providers.kokoro import speaker as speaker_module
from worker_node.providers.kokoro.speaker import KokoroSpeaker
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.sound_check import check_speech

CHINESE = "你好，再见。"
MIXED = "小猫 Tom 花了$3.50。"


@pytest.fixture(scope="module")
def speaker() -> KokoroSpeaker:
    return KokoroSpeaker()


def say(speaker: KokoroSpeaker, folder: Path, text: str, **more: object) -> tuple[NDArray[np.float32], int, Spoken]:
    """The samples of the file that was written, their rate, and what the speaker says of it."""
    request = SpeechRequest(text, **{"format": "wav", **more})  # type: ignore[arg-type]
    target = folder / f"a.{request.format}"
    spoken = speaker.speak(request, target, QuietRun())
    with av.open(str(target)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="s16", layout="mono", rate=stream.rate)
        parts = [part.to_ndarray() for frame in container.decode(stream) for part in resampler.resample(frame)]
    return (np.concatenate(parts, axis=1)[0] / 32768).astype(np.float32), int(stream.rate), spoken


def level(samples: NDArray[np.float32]) -> float:
    """RMS in dB."""
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


def test_each_word_is_heard_at_its_time(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    samples, rate, spoken = say(speaker, tmp_path, CHINESE)
    assert [word.text for word in spoken.words] == ["你", "好", "再", "见"]
    assert all(before.end <= after.start for before, after in pairwise(spoken.words))
    assert spoken.words[0].start > 0
    assert spoken.words[-1].end <= spoken.seconds

    def between(start: float, end: float) -> float:
        return level(samples[round(start * rate) : round(end * rate)])

    voiced = [between(word.start, word.end) for word in spoken.words]
    middle = (spoken.words[1].end + spoken.words[2].start) / 2  # at the comma
    assert between(middle - 0.02, middle + 0.02) < min(voiced) - 10
    assert between(0, spoken.words[0].start * 0.5) < min(voiced) - 15


def test_what_is_written_stands_in_its_words_however_it_is_read(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    samples, rate, spoken = say(speaker, tmp_path, MIXED)
    assert [word.text for word in spoken.words] == ["小", "猫", "Tom", "花", "了", "$3.50"]
    assert spoken.words[-1].end - spoken.words[-1].start > 3 * (spoken.words[0].end - spoken.words[0].start)
    assert spoken.unread == ()
    assert check_speech(samples, rate, MIXED) is None


@pytest.mark.parametrize(("form", "rate"), [("wav", 16_000), ("mp3", 44_100), ("wav", 48_000)])
def test_format_and_rate_are_those_asked_for(speaker: KokoroSpeaker, tmp_path: Path, form: str, rate: int) -> None:
    samples, found, spoken = say(speaker, tmp_path, "He smiled.", format=form, sample_rate=rate)
    assert found == rate
    assert samples.size / rate == pytest.approx(spoken.seconds, abs=0.06)


def test_sentences_are_joined_at_one_level_without_silence_at_the_ends(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    samples, rate, spoken = say(
        speaker, tmp_path, "The sun went down behind the hills. Nobody spoke a word!\n\nIt rained all night."
    )
    assert spoken.words[0].start < 0.2
    assert spoken.seconds - spoken.words[-1].end < 0.4
    first, last = (
        level(samples[round(start * rate) : round(end * rate)])
        for start, end in ((spoken.words[0].start, spoken.words[6].end), (spoken.words[-4].start, spoken.words[-1].end))
    )
    assert first == pytest.approx(last, abs=3)
    gaps = [(before.end, after.start) for before, after in pairwise(spoken.words)]
    longest = sorted(range(len(gaps)), key=lambda at: gaps[at][1] - gaps[at][0])[-2:]
    assert sorted(longest) == [6, 10]  # behind each sentence, and nowhere else
    for start, end in (gaps[at] for at in longest):
        middle = round((start + end) / 2 * rate)
        assert level(samples[middle - rate // 50 : middle + rate // 50]) < -60


def test_speed_is_a_factor(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    slow, fast = (
        say(speaker, tmp_path, "They walked along the river.", speed=speed)[2].seconds for speed in (0.8, 1.6)
    )
    assert slow / fast == pytest.approx(2, rel=0.25)


def test_the_same_text_gives_the_same_words_at_the_same_times(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    assert say(speaker, tmp_path, CHINESE)[2] == say(speaker, tmp_path, CHINESE)[2]


def test_scripts_that_the_model_lacks_are_spoken_all_the_same(speaker: KokoroSpeaker, tmp_path: Path) -> None:
    samples, _, spoken = say(speaker, tmp_path, "Привет, мир. नमस्ते")
    assert [word.text for word in spoken.words] == ["Привет", "мир", "नमस्ते"]
    assert spoken.unread == ()
    assert level(samples) > -30
    assert spoken.words[-1].end <= spoken.seconds


def test_what_has_no_sound_is_told_and_a_text_without_words_is_a_short_silence(
    speaker: KokoroSpeaker, tmp_path: Path
) -> None:
    assert say(speaker, tmp_path, "㐂 OK")[2].unread == ("㐂",)
    samples, rate, spoken = say(speaker, tmp_path, "……😀")
    assert spoken.words == ()
    assert 0.3 < samples.size / rate < 1
    assert level(samples) < -80


def test_voices_are_listed_and_an_unknown_one_is_the_default(speaker: KokoroSpeaker) -> None:
    rows = {voice.id: voice for voice in speaker.voices()}
    assert rows["jf_gongitsune"] == Voice("jf_gongitsune", "Gongitsune", "ja", "female")
    assert rows["jm_kumo"].sex == "male"
    assert rows["heart"].language == "en"
    known = voices.Voices()
    assert known.find("", "zh") == known.find("nobody", "zh") == known.find("Jf_Gongitsune ", "zh")
    assert known.find("male", "zh") == known.find("男声", "en") == known.find("zm_yunxi", "zh") == "jm_kumo"
    assert known.find("", "en") == known.find("nobody", "en") == known.find("heart", "en") == "heart"
    assert known.find("heart", "zh") == known.find("", "zh")
    assert (
        known.find("mandarin", "zh") == known.find("female", "zh") == known.find("woman", "zh") == known.find("", "zh")
    )


def test_the_voices_of_a_folder_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.full((510, 256), 0.25, "<f4").tofile(tmp_path / "zf_xiaoxiao.bin")
    (tmp_path / "broken.bin").write_bytes(b"no voice")
    monkeypatch.setenv(voices.FOLDER_VARIABLE, str(tmp_path))
    known = voices.Voices()
    assert known.find("", "zh") == "zf_xiaoxiao"
    assert known.find("", "en") == "heart"
    assert Voice("zf_xiaoxiao", "Xiaoxiao", "zh", "female") in known.rows()
    assert {voice.id for voice in known.rows()} == {voice.id for voice in voices.Voices(tmp_path / "none").rows()} | {
        "zf_xiaoxiao"
    }


def test_a_broken_or_missing_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "_PARTS", 3)
    with pytest.raises(ProviderUnable, match="损坏"):
        model.KokoroModel()
    monkeypatch.setattr(speaker_module, "_PACKAGES", ("pypinyin", "no_such_package"))
    with pytest.raises(ProviderUnable, match="no_such_package"):
        KokoroSpeaker()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ProviderUnable, match="无法加载"):
        model.open_session(b"", "")
    monkeypatch.setattr(model, "_PACKAGE", "no_such_package")
    with pytest.raises(ProviderUnable, match="没有安装"):
        model.KokoroModel()


def test_a_worker_process_hands_over_the_words(tmp_path: Path) -> None:
    kokoro = ProviderSettings(provider="kokoro", label="kokoro")
    process = WorkProcess("tts", [kokoro], tmp_path / "slots")
    process.start()
    try:
        request = {"text": "He smiled.", "lang": "en", "format": "wav"}
        job = {"folder": str(tmp_path), "request": request, "key": "task", "notes": {}}
        made = process.run(job, lambda _percent, _text: None, lambda _notes: None, 120)
    finally:
        process.close()
    assert (tmp_path / made["file"]).stat().st_size > 10_000
    assert [word for word, _start, _end in made["words"]] == ["He", "smiled"]
    assert 0 <= made["words"][0][1] < made["words"][1][2] <= made["seconds"]
