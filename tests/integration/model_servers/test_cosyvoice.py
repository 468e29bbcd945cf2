"""CosyVoice's server: its five forms, what it refuses, how its samples come."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.model_servers import sounds
from tests.support.model_servers.cosyvoice import FORMS, CosyVoice

CHINESE = "雨下了一夜，天亮时停了。"  # ten characters are said
SAID_S = 10 / 4.5
FIELDS = {"tts_text": CHINESE, "spk_id": "中文女", "prompt_text": "希望你好。", "instruct_text": "慢慢说。"}


@pytest.fixture
def server() -> Iterator[CosyVoice]:
    with CosyVoice() as running:
        yield running


def ask(server: CosyVoice, form: str = "sft", sample: bytes | None = None, **changed: Any) -> requests.Response:
    fields = {name: FIELDS[name] for name in FORMS[form] if name in FIELDS}
    data = {name: value for name, value in {**fields, **changed}.items() if value is not None}
    content = sounds.wav(sounds.voice(3, 16_000), 16_000) if sample is None else sample
    files = {"prompt_wav": ("voice.wav", io.BytesIO(content), "audio/wav")} if "prompt_wav" in FORMS[form] else None
    return requests.post(f"{server.url}/inference_{form}", data=data, files=files, timeout=10)


def seconds(response: requests.Response, rate: int = 22_050) -> float:
    assert "Content-Length" not in response.headers
    assert "Content-Type" not in response.headers
    return len(np.frombuffer(response.content, "<i2")) / rate


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_answered_with_samples_alone(server: CosyVoice, form: str) -> None:
    response = ask(server, form)
    assert seconds(response) == pytest.approx(SAID_S, abs=0.001)
    assert np.abs(np.frombuffer(response.content, "<i2")).max() > 1000
    assert server.received[0].form["tts_text"] == CHINESE
    assert "X-Custom-Header-sampleRate" not in response.headers
    assert set(server.received[0].files) == set(FORMS[form]) & {"prompt_wav"}


def test_some_builds_tell_their_rate() -> None:
    with CosyVoice(rate=24_000, announces_rate=True) as server:
        response = ask(server)
    assert response.headers["X-Custom-Header-sampleRate"] == "24000"
    assert seconds(response, 24_000) == pytest.approx(SAID_S, abs=0.001)


@pytest.mark.parametrize(
    ("form", "changed", "kind", "field"),
    [
        ("sft", {"speed": "1.0"}, "extra_forbidden", "speed"),
        ("sft", {"tts_text": None}, "missing", "tts_text"),
        ("sft", {"spk_id": None}, "missing", "spk_id"),
        ("zero_shot", {"prompt_text": None}, "missing", "prompt_text"),
        ("zero_shot", {"spk_id": "中文女"}, "extra_forbidden", "spk_id"),
        ("instruct", {"instruct_text": None}, "missing", "instruct_text"),
    ],
)
def test_what_is_not_as_documented_is_refused(
    server: CosyVoice, form: str, changed: Any, kind: str, field: str
) -> None:
    response = ask(server, form, **changed)
    (error,) = response.json()["detail"]
    assert (response.status_code, error["type"], error["loc"]) == (422, kind, ["body", field])
    assert not server.charged


def test_a_sample_must_be_a_file_and_a_text_a_field(server: CosyVoice) -> None:
    url = f"{server.url}/inference_cross_lingual"
    text = requests.post(url, data={"tts_text": CHINESE, "prompt_wav": "voice.wav"}, timeout=10)
    assert (text.status_code, text.json()["detail"][0]["loc"]) == (422, ["body", "prompt_wav"])
    assert requests.post(url, json={"tts_text": CHINESE}, timeout=10).status_code == 422
    assert requests.post(f"{server.url}/inference_vc", data={}, timeout=10).json() == {"detail": "Not Found"}


@pytest.mark.parametrize("sample", [b"", b"no sound", sounds.wav(sounds.voice(3, 8_000), 8_000)])
def test_a_sample_that_is_no_sound_or_too_low_is_a_plain_500(server: CosyVoice, sample: bytes) -> None:
    response = ask(server, "zero_shot", sample)
    assert (response.status_code, response.text) == (500, "Internal Server Error")


def test_what_fails_in_the_model_fails_behind_a_200(server: CosyVoice) -> None:
    long = sounds.wav(sounds.voice(31, 16_000), 16_000)
    for asked in ({"spk_id": "nobody"}, {"tts_text": "……"}, {"form": "zero_shot", "sample": long}):
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(server, **asked)


def test_an_english_voice_says_a_chinese_text_in_no_time(server: CosyVoice) -> None:
    assert seconds(ask(server, tts_text=CHINESE * 18, spk_id="英文女")) == pytest.approx(1.7)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("no_samples", 0), ("silence", SAID_S), ("too_short", 1.7), ("doubled", SAID_S * 2), ("runs_on", SAID_S * 6)],
)
def test_sounds_are_too_long_or_too_short(server: CosyVoice, name: str, expected: float) -> None:
    server.script(name)
    response = ask(server)
    assert seconds(response) == pytest.approx(expected, abs=0.001)
    quiet = np.abs(np.frombuffer(response.content, "<i2").astype(int)).max(initial=0) == 0
    assert quiet == (name in ("no_samples", "silence"))


def test_silence_comes_behind_and_lengths_differ(server: CosyVoice) -> None:
    server.script("long_silence_at_the_end", "unsteady", "unsteady")
    end = np.frombuffer(ask(server).content, "<i2")
    assert len(end) == pytest.approx((SAID_S + 12) * 22_050, abs=2)
    assert not end[-12 * 22_050 :].any()
    one, other = sorted(seconds(ask(server)) for _ in range(2))
    assert other == pytest.approx(one * 1.4, abs=0.001)


def test_a_single_character_fails_each_time_and_marks_take_time() -> None:
    with CosyVoice(always="single_character") as server:
        for _ in range(2):
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                ask(server, tts_text="雨。")
        assert ask(server).ok
    with CosyVoice(always="marks_break_timing") as server:
        plain = seconds(ask(server))
        assert round(seconds(ask(server, tts_text=CHINESE + "---")) / plain, 2) == 3


def test_the_model_fails_at_once_or_halfway(server: CosyVoice) -> None:
    server.script("fails_at_once", "fails_halfway", "cut")
    for _ in range(3):
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            ask(server)


def test_bytes_are_odd_or_a_file_or_no_sound(server: CosyVoice) -> None:
    server.script("odd_bytes", "wav_in_place_of_samples", "json_with_200")
    assert len(ask(server).content) % 2 == 1
    assert ask(server).content.startswith(b"RIFF")
    assert ask(server).json() == {"error": "CUDA out of memory"}
