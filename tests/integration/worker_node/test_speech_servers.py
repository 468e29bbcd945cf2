"""Speech by servers over HTTP: what they do well, everything that people saw them do badly, and what comes of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker_node.conftest import StartNode
from tests.integration.worker_node.speech_servers import ENGLISH, KEY, TEXT, Voice, openai
from tests.support.model_servers import sounds
from tests.support.model_servers.base import ModelServer
from tests.support.model_servers.cosyvoice import CosyVoice
from tests.support.model_servers.fields import Field
from tests.support.model_servers.openai_speech import OpenAISpeech
from tests.support.soak import soaking, soaking_rows
from worker_node.errors import ProviderUnable
from worker_node.providers.base import SpeechRequest

ONCE = ("ok", "odd_bytes", "long_silence_at_the_end", "marks_break_timing", "gzip")
TWICE = (
    "silence", "too_short", "doubled", "runs_on", "json_with_200", "html_200", "html_500", "html_502", "server_error_500", "cut",
    "gzip_bomb", "empty_body",
)  # fmt: skip
OPENAI_ONCE = ("long_silence_at_the_start", "wav_whatever_asked", "wav_without_length", "in_chunks", "unsteady")
OPENAI_TWICE = ("empty_file", "no_seconds", "cut_off_file", "header_alone", "noise_of_bytes", "json_as_audio")
COSY_TWICE = ("no_samples", "fails_at_once", "fails_halfway")
NEVER = (
    *("bad_request_400", "unauthorized_401", "quota_402", "forbidden_403", "rate_limited_429_until", "quota_429"),
    *("html_504", "html_524", "closed", "reset", "huge", "hang", "drip"),
)  # fmt: skip
BUSY = ("rate_limited_429", "overloaded_503")
MARKED = TEXT + "\n---\n他_说_：***"


def by_both(behaviours: Sequence[str], keep: Collection[str]) -> list[Any]:
    """All of them of the one server, and of the other these; the rest of the other's is one more of its kind."""
    openai_s, others = [("openai", each) for each in behaviours], [("cosyvoice", each) for each in behaviours]
    return soaking_rows([*openai_s, *others], keep=[*openai_s, *(("cosyvoice", each) for each in keep)])


def heard(voice: Voice, behaviour: str, tmp_path: Path) -> None:
    voice.server.script(behaviour)
    spoken = voice.say(tmp_path, MARKED if behaviour == "marks_break_timing" else TEXT)
    usual = sounds.seconds_of(TEXT)
    assert usual * 0.95 < spoken.seconds < usual * 1.2


@pytest.mark.parametrize(("any_voice", "behaviour"), by_both(ONCE, keep=["ok", "odd_bytes"]), indirect=["any_voice"])
def test_what_is_good_or_can_be_mended_is_asked_for_once(any_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    heard(any_voice, behaviour, tmp_path)
    assert any_voice.asked == 1


@pytest.mark.parametrize(
    ("any_voice", "behaviour"),
    by_both(TWICE, keep=["silence", "json_with_200", "html_502", "cut"]),
    indirect=["any_voice"],
)
def test_what_is_wrong_is_made_again_once_under_a_key_of_its_own(
    any_voice: Voice, tmp_path: Path, behaviour: str
) -> None:
    heard(any_voice, behaviour, tmp_path)
    assert any_voice.asked == 2
    assert len({request.key for request in any_voice.server.requests()} - {""}) == 2


@pytest.mark.parametrize("behaviour", OPENAI_ONCE)
def test_files_in_whatever_form_are_read(openai_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    heard(openai_voice, behaviour, tmp_path)
    assert openai_voice.asked == 1


@pytest.mark.parametrize("behaviour", OPENAI_TWICE)
def test_files_that_are_none_are_made_again(openai_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    heard(openai_voice, behaviour, tmp_path)
    assert openai_voice.asked == 2


@pytest.mark.parametrize("behaviour", COSY_TWICE)
def test_samples_that_break_off_are_made_again(cosy_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    heard(cosy_voice, behaviour, tmp_path)
    assert cosy_voice.asked == 2


def test_a_wav_in_place_of_samples_is_read_as_one(cosy_voice: Voice, tmp_path: Path) -> None:
    heard(cosy_voice, "wav_in_place_of_samples", tmp_path)
    assert cosy_voice.asked == 1


def test_the_same_input_may_take_28_seconds_or_39(any_voice: Voice, tmp_path: Path) -> None:
    any_voice.server.script("unsteady", "unsteady")
    lengths = sorted(any_voice.say(tmp_path).seconds for _ in range(2))
    assert lengths[1] / lengths[0] == pytest.approx(1.4, abs=0.05)
    assert any_voice.asked == 2


@pytest.mark.parametrize(
    ("any_voice", "behaviour"),
    by_both(NEVER, keep=[each for each in NEVER if each not in ("huge", "hang", "drip")]),
    indirect=["any_voice"],
)
def test_who_cannot_is_not_asked_again_and_the_next_one_is_told_why(
    any_voice: Voice, tmp_path: Path, behaviour: str
) -> None:
    any_voice.server.script(behaviour)
    with pytest.raises(ProviderUnable) as raised:
        any_voice.say(tmp_path, settings={"timeout_s": 1.0} if behaviour in ("hang", "drip") else None)
    assert any_voice.asked == 1
    assert KEY not in str(raised.value)
    assert str(raised.value)


@pytest.mark.parametrize(("any_voice", "behaviour"), by_both(BUSY, keep=BUSY[:1]), indirect=["any_voice"])
def test_who_is_busy_is_asked_again_for_the_same(any_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    heard(any_voice, behaviour, tmp_path)
    assert any_voice.asked == 2
    assert len({request.key for request in any_voice.server.requests()}) == 1


@pytest.mark.parametrize("behaviour", ["too_short", "runs_on", "silence", "json_with_200", "empty_body"])
def test_what_stays_wrong_is_left_to_the_next_provider(any_voice: Voice, tmp_path: Path, behaviour: str) -> None:
    any_voice.server.always = behaviour
    with pytest.raises(ProviderUnable, match=r"语音|声音|回答"):
        any_voice.say(tmp_path)
    assert any_voice.asked == 2


@pytest.mark.parametrize("voice", [{"voice": "ryan"}, {"settings": {"voice": "ryan"}}])
def test_an_english_voice_that_says_a_chinese_text_in_no_time_is_found_out(
    openai_voice: Voice, tmp_path: Path, voice: dict[str, Any]
) -> None:
    with pytest.raises(ProviderUnable, match="太短"):
        openai_voice.say(tmp_path, TEXT * 4, **voice)
    assert openai_voice.say(tmp_path, ENGLISH, **voice).seconds > 4


def test_the_same_of_cosyvoice(cosy_voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnable, match="太短"):
        cosy_voice.say(tmp_path, TEXT * 4, {"voice": "英文女"})


@pytest.mark.parametrize("text", ["好", "啊！"])
def test_a_single_character_is_padded_not_repeated(any_voice: Voice, tmp_path: Path, text: str) -> None:
    any_voice.server.always = "single_character"
    spoken = any_voice.say(tmp_path, text)
    assert 0 < spoken.seconds < 0.6
    asked = [
        request.body["input"] if request.body else request.form["tts_text"] for request in any_voice.server.requests()
    ]
    assert len(asked) == 2
    assert sounds.spoken(asked[1]) > 1


def test_a_slow_voice_is_doubted_once(any_voice: Voice, tmp_path: Path) -> None:
    client = any_voice.make()
    any_voice.server.always = "doubled"
    for _ in range(3):
        client.speak(SpeechRequest(ENGLISH), tmp_path / "a.mp3", any_voice.run)
    assert any_voice.asked == 4


def test_nothing_to_say_is_a_short_silence_that_costs_nothing(any_voice: Voice, tmp_path: Path) -> None:
    assert any_voice.say(tmp_path, "……😀\n---\n").seconds == pytest.approx(0.6, abs=0.05)
    assert any_voice.asked == 0


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(("form", "rate"), [("mp3", 24_000), ("wav", 16_000), ("wav", 48_000)])
def test_rate_speed_and_format_are_honoured(
    any_voice: Voice, tmp_path: Path, speed: float, form: str, rate: int
) -> None:
    spoken = any_voice.say(tmp_path, speed=speed, format=form, sample_rate=rate)
    assert spoken.seconds == pytest.approx(sounds.seconds_of(TEXT) / speed, rel=0.06)
    assert any_voice.asked == 1


@pytest.mark.parametrize("any_voice", soaking(["cosyvoice", "openai"], keep=1), indirect=True)
def test_a_long_text_goes_in_parts_and_each_is_paid_by_its_characters(any_voice: Voice, tmp_path: Path) -> None:
    text = TEXT * 30
    spoken = any_voice.say(tmp_path, text)
    asked = [
        request.body["input"] if request.body else request.form["tts_text"] for request in any_voice.server.requests()
    ]
    assert "".join(asked) == text
    assert len(asked) > 1
    assert all(part.endswith("。") for part in asked)
    assert any_voice.run.characters == len(text)
    assert spoken.seconds == pytest.approx(sounds.seconds_of(text) + 0.25 * (len(asked) - 1), rel=0.05)


def test_a_server_that_takes_less_gets_less(tmp_path: Path) -> None:
    voice = openai(longest=150)
    with voice.server:
        assert voice.say(tmp_path, TEXT * 20).seconds == pytest.approx(sounds.seconds_of(TEXT * 20), rel=0.1)
        assert voice.say(tmp_path, TEXT * 20, {"longest": 150}).seconds > 100
        assert len(voice.server.refused) < 10


@pytest.mark.parametrize(
    ("asked", "default", "sent"),
    [
        ("", "", "alloy"),
        ("longwan", "", "longwan"),
        ("zf_xiaoxiao", "", "alloy"),
        ("zf_xiaoxiao", "ryan", "ryan"),
        ("", "longwan", "longwan"),
    ],
)
def test_a_voice_that_the_server_lacks_is_its_own_by_default(
    openai_voice: Voice, tmp_path: Path, asked: str, default: str, sent: str
) -> None:
    openai_voice.say(tmp_path, ENGLISH, {"voice": default}, voice=asked)
    assert openai_voice.server.requests()[0].body["voice"] == sent


def test_settings_reach_the_request(tmp_path: Path) -> None:
    voice = openai(extra_fields={"seed": Field("integer")})
    with voice.server:
        voices = [{"id": "longwan", "language": "zh", "sex": "female", "instruct": "慢慢说"}]
        settings = {"voices": voices, "extra": {"seed": 7, "response_format": "pcm"}}
        assert voice.say(tmp_path, settings=settings, speed=1.5).seconds == pytest.approx(
            sounds.seconds_of(TEXT) / 1.5, rel=0.05
        )
        body = voice.server.requests()[0].body
        assert (body["voice"], body["instructions"], body["seed"], body["speed"]) == ("longwan", "慢慢说", 7, 1.5)
        assert [tuple(row) for row in voice.make(**settings).voices()] == [("longwan", "longwan", "zh", "female")]


def test_voices_are_those_that_the_server_lists_else_openais(openai_voice: Voice) -> None:
    assert [row.id for row in openai_voice.make().voices()] == ["alloy", "longwan", "ryan"]
    openai_voice.server.script("bad_request_400", on="GET /v1/audio/voices")
    assert "nova" in [row.id for row in openai_voice.make().voices()]
    openai_voice.server.script("html_200", on="GET /v1/audio/voices")
    assert [row.id for row in openai_voice.make(voice="mine").voices()] == ["mine"]


def test_a_node_speaks_by_a_server_and_by_the_next_provider_when_that_is_away(start_node: StartNode) -> None:
    voice = openai()
    with voice.server:
        node = start_node(
            "--tts-provider",
            "openai,offline",
            env={
                "S2V_NODE_TTS_OPENAI_BASE": voice.server.base,
                "S2V_NODE_TTS_OPENAI_MODEL": "stand-in",
                "S2V_NODE_TTS_OPENAI_KEY": KEY,
                "S2V_NODE_TTS_OPENAI_PRICE": '{"characters": "0.00001"}',
            },
        )
        job = node.ended(node.submit("audio", tts={"text": TEXT}))
        assert (job["status"], job["message"]) == ("finished", "完成")
        assert job["result"]["made_by"] == {"provider": "openai", "model": "stand-in"}
        assert job["result"]["usage"][0]["units"] == {"characters": len(TEXT)}
        assert job["result"]["usage"][0]["cost"] == f"{len(TEXT) / 100_000:f}".rstrip("0")
        assert all(len(request.key) == 64 for request in voice.server.requests())
        voice.server.always = "quota_402"
        job = node.ended(node.submit("audio", tts={"text": TEXT}))
        assert job["status"] == "finished"
        assert job["message"].startswith("完成，由 offline 代替（openai：")
        assert KEY not in node.log.read_text() + str(job)


def test_every_behaviour_of_the_stand_ins_has_an_outcome_here() -> None:
    told = {*ONCE, *TWICE, *NEVER, *BUSY, "unsteady", "single_character"}
    for server, more in (
        (OpenAISpeech(), {*OPENAI_ONCE, *OPENAI_TWICE}),
        (CosyVoice(), {*COSY_TWICE, "wav_in_place_of_samples"}),
    ):
        assert isinstance(server, ModelServer)
        assert set(server.names()) <= told | more
