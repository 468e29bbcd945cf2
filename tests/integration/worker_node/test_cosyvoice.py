"""What CosyVoice is asked: its forms, their samples, and the rate of what it answers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker_node.speech_servers import TEXT, Voice, cosyvoice
from tests.support.model_servers import sounds
from tests.support.model_servers.cosyvoice import FORMS
from tests.support.soak import soaking_rows
from worker_node.errors import ProviderUnable


def voice_settings(tmp_path: Path, form: str, seconds: float = 5.0, rate: int = 16_000) -> dict[str, Any]:
    sample = tmp_path / "sample.wav"
    sample.write_bytes(sounds.wav(sounds.voice(seconds, rate), rate))
    fields = {
        "sft": {},
        "zero_shot": {"prompt_text": "希望你以后能够做得比我还好", "prompt_wav": str(sample)},
        "cross_lingual": {"prompt_wav": str(sample)},
        "instruct": {"instruct": "用温柔的语气"},
        "instruct2": {"instruct": "用四川话说", "prompt_wav": str(sample)},
    }[form]
    return {"voices": [{"id": "中文女", "sex": "female", "language": "zh", **fields}]}


@pytest.mark.parametrize(
    ("form", "named"),
    soaking_rows(
        itertools.product(FORMS, (False, True)), keep=[*((form, False) for form in FORMS), ("zero_shot", True)]
    ),
)
def test_every_form_of_cosyvoice(cosy_voice: Voice, tmp_path: Path, form: str, named: bool) -> None:
    settings = {**voice_settings(tmp_path, form), "sample_rate": 22_050, **({"form": form} if named else {})}
    assert cosy_voice.say(tmp_path, settings=settings).seconds == pytest.approx(sounds.seconds_of(TEXT), rel=0.05)
    assert cosy_voice.server.requests()[0].path == f"/inference_{form}"
    assert [tuple(row) for row in cosy_voice.make(**settings).voices()] == [("中文女", "中文女", "zh", "female")]


@pytest.mark.parametrize(("seconds", "rate"), [(5.0, 8_000), (29.0, 48_000)])
def test_a_sample_of_any_rate_is_brought_to_what_the_server_takes(
    cosy_voice: Voice, tmp_path: Path, seconds: float, rate: int
) -> None:
    cosy_voice.say(tmp_path, settings=voice_settings(tmp_path, "zero_shot", seconds, rate))
    assert not cosy_voice.server.refused


@pytest.mark.parametrize(
    ("form", "change", "reason"),
    [
        ("zero_shot", {"prompt_wav": None}, "prompt_wav"),
        ("zero_shot", {"prompt_text": ""}, "prompt_text"),
        ("instruct", {"instruct": ""}, "instruct"),
        ("zero_shot", {"prompt_wav": "/nowhere.wav"}, "nowhere.wav 无法读取"),
        ("zero_shot", {"prompt_wav": __file__}, "不是声音文件"),
    ],
)
def test_what_a_form_lacks_is_named(
    cosy_voice: Voice, tmp_path: Path, form: str, change: dict[str, Any], reason: str
) -> None:
    settings = voice_settings(tmp_path, form)
    settings["voices"][0].update(change)
    with pytest.raises(ProviderUnable, match=reason):
        cosy_voice.say(tmp_path, settings={**settings, "form": form})
    assert cosy_voice.asked == 0


def test_a_sample_that_is_too_long_is_named(cosy_voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnable, match="超过 30 秒"):
        cosy_voice.say(tmp_path, settings=voice_settings(tmp_path, "cross_lingual", 32.0))


@pytest.mark.parametrize(
    ("rate", "announced", "settings"),
    [
        (22_050, False, {}),
        (24_000, True, {}),
        (24_000, False, {"model": "FunAudioLLM/CosyVoice2-0.5B"}),
        (22_050, False, {"model": "CosyVoice-300M-SFT"}),
        (16_000, False, {"sample_rate": 16_000}),
        (16_000, True, {"sample_rate": 24_000}),
    ],
)
def test_the_rate_of_samples_without_a_header(
    tmp_path: Path, rate: int, announced: bool, settings: dict[str, Any]
) -> None:
    voice = cosyvoice(rate=rate, announces_rate=announced)
    with voice.server:
        assert voice.say(tmp_path, settings=settings).seconds == pytest.approx(sounds.seconds_of(TEXT), rel=0.02)


def test_a_voice_that_the_server_does_not_know_is_left_to_the_next_provider(cosy_voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnable, match="读不下去"):
        cosy_voice.say(tmp_path, settings={"voice": "nobody"})
    assert cosy_voice.say(tmp_path, voice="nobody").seconds > 1, "one that is asked for, and not set, is the default"
