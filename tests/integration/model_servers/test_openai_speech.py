"""The speech server: what it takes, what it refuses, how long its sounds are."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import requests

from tests.support.model_servers.openai_speech import OpenAISpeech

CHINESE = "雨下了一夜，天亮时停了。"  # ten characters are said
SAID_S = 10 / 4.5


@pytest.fixture
def server() -> Iterator[OpenAISpeech]:
    with OpenAISpeech() as running:
        yield running


def ask(server: OpenAISpeech, text: Any = CHINESE, **fields: Any) -> requests.Response:
    body = {"model": "stand-in", "input": text, "voice": "alloy", "response_format": "wav", **fields}
    used = {name: value for name, value in body.items() if value != ...}
    return requests.post(f"{server.base}/audio/speech", json=used, timeout=10)


def samples(response: requests.Response) -> npt.NDArray[np.int16]:
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def seconds(response: requests.Response) -> float:
    return len(samples(response)) / 24_000


def loud(part: npt.NDArray[np.int16]) -> bool:
    return bool(np.abs(part.astype(int)).max(initial=0) > 1000)


@pytest.mark.parametrize(
    ("text", "expected"), [(CHINESE, SAID_S), ("It rained.", 8 / 14), ("下雨 rain", 2 / 4.5 + 4 / 14)]
)
def test_a_text_takes_as_long_as_people_take(server: OpenAISpeech, text: str, expected: float) -> None:
    assert seconds(ask(server, text)) == pytest.approx(expected, abs=0.001)
    assert seconds(ask(server, text, speed=2)) == pytest.approx(expected / 2, abs=0.001)
    assert loud(samples(ask(server, text)))


def test_formats_are_what_they_say(server: OpenAISpeech) -> None:
    files = {each: ask(server, response_format=each) for each in ("mp3", "wav", "pcm", ...)}
    types = [each.headers["Content-Type"] for each in files.values()]
    assert types == ["audio/mpeg", "audio/wav", "audio/pcm", "audio/mpeg"]
    assert files["pcm"].content == samples(files["wav"]).tobytes()
    with av.open(io.BytesIO(files["mp3"].content)) as container:
        assert container.format.name == "mp3"
        decoded = sum(frame.samples for frame in container.decode(audio=0)) / 24_000
    assert decoded == pytest.approx(SAID_S, abs=0.15)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"language": "zh"}, "unknown_parameter", "language"),
        ({"text": ...}, "missing_required_parameter", "input"),
        ({"text": ""}, "string_below_min_length", "input"),
        ({"text": "雨" * 4097}, "string_above_max_length", "input"),
        ({"text": ["雨"]}, "invalid_type", "input"),
        ({"voice": ...}, "missing_required_parameter", "voice"),
        ({"voice": "nobody"}, "invalid_value", "voice"),
        ({"response_format": "ogg"}, "invalid_value", "response_format"),
        ({"speed": 5}, "value_out_of_range", "speed"),
        ({"speed": "1.0"}, "invalid_type", "speed"),
    ],
)
def test_what_is_not_as_documented_is_refused(server: OpenAISpeech, fields: Any, code: str, param: str) -> None:
    response = ask(server, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, param)
    assert not server.charged


def test_the_longest_text_is_said() -> None:
    with OpenAISpeech(longest=20) as server:
        assert [ask(server, "雨" * length).status_code for length in (20, 21)] == [200, 400]


def test_voices_are_listed(server: OpenAISpeech) -> None:
    told = requests.get(f"{server.base}/audio/voices", timeout=10).json()
    assert told == {"voices": ["alloy", "longwan", "ryan"], "uploaded_voices": []}


def test_an_english_voice_says_a_chinese_text_in_no_time(server: OpenAISpeech) -> None:
    assert seconds(ask(server, CHINESE * 18, voice="ryan")) == pytest.approx(1.7)
    assert seconds(ask(server, "It rained. " * 20, voice="ryan")) > 10


@pytest.mark.parametrize(
    ("name", "factor", "more"),
    [("too_short", 0, 1.7), ("doubled", 2, 0), ("runs_on", 6, 0), ("no_seconds", 0, 0), ("silence", 1, 0)],
)
def test_sounds_are_too_long_or_too_short(server: OpenAISpeech, name: str, factor: float, more: float) -> None:
    server.script(name)
    response = ask(server)
    assert seconds(response) == pytest.approx(SAID_S * factor + more, abs=0.001)
    assert loud(samples(response)) == (name not in ("silence", "no_seconds"))


def test_silence_comes_before_or_behind(server: OpenAISpeech) -> None:
    server.script("long_silence_at_the_end", "long_silence_at_the_start")
    end, start = samples(ask(server)), samples(ask(server))
    assert len(end) == len(start) > 14 * 24_000
    assert (loud(end[:24_000]), loud(end[3 * 24_000 :])) == (True, False)
    assert (loud(start[: 12 * 24_000]), loud(start[12 * 24_000 :])) == (False, True)


def test_the_same_text_takes_28_seconds_or_39(server: OpenAISpeech) -> None:
    server.always = "unsteady"
    first, second, third = (seconds(ask(server)) for _ in range(3))
    assert first == third
    assert second == pytest.approx(first * 1.4, abs=0.001)


def test_files_are_empty_or_cut_off_or_no_files(server: OpenAISpeech) -> None:
    whole = ask(server).content
    server.script("empty_file", "cut_off_file", "header_alone", "noise_of_bytes", "odd_bytes")
    empty, cut, head, noise, odd = (ask(server).content for _ in range(5))
    assert (empty, cut, head) == (b"", whole[: len(whole) // 2], whole[:44])
    assert not noise.startswith(b"RIFF")
    assert len(odd) % 2 == 1


def test_errors_come_with_200(server: OpenAISpeech) -> None:
    server.script("json_with_200", "json_as_audio", "html_200")
    said, hidden, html = (ask(server) for _ in range(3))
    assert (said.status_code, said.json()["error"]["code"]) == (200, 500)
    assert (hidden.headers["Content-Type"], hidden.json()["code"]) == ("audio/mpeg", 500)
    assert html.text.startswith("<html>")


def test_files_differ_from_what_was_asked_for(server: OpenAISpeech) -> None:
    server.script("wav_whatever_asked", "wav_without_length", "in_chunks")
    assert seconds(ask(server, response_format="mp3")) == pytest.approx(SAID_S, abs=0.001)
    assert ask(server).content[40:44] == b"\xff\xff\xff\xff"
    assert ask(server).headers["Transfer-Encoding"] == "chunked"


def test_a_single_character_fails_each_time_and_marks_take_time() -> None:
    with OpenAISpeech(always="single_character") as server:
        assert [ask(server, text).status_code for text in ("雨。", "雨。", "雨夜。")] == [500, 500, 200]
    with OpenAISpeech(always="marks_break_timing") as server:
        plain = seconds(ask(server))
        assert [round(seconds(ask(server, CHINESE + mark)) / plain, 2) for mark in ("_", "---", "—")] == [3, 3, 1]


def test_every_behaviour_of_its_own_is_tested_here(server: OpenAISpeech) -> None:
    tested = {"too_short", "doubled", "runs_on", "no_seconds", "silence", "long_silence_at_the_end", "unsteady"}
    tested |= {"long_silence_at_the_start", "empty_file", "cut_off_file", "header_alone", "noise_of_bytes", "odd_bytes"}
    tested |= {"json_with_200", "json_as_audio", "wav_whatever_asked", "wav_without_length", "in_chunks"}
    tested |= {"single_character", "marks_break_timing"}
    assert tested == set(server.serves()[server.main].replies)
