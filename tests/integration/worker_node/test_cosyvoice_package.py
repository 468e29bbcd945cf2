"""CosyVoice in the node's own processes, by a package of the same shape."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.integration.worker_node.conftest import StartNode
from tests.support.model_servers import sounds
from tests.support.model_servers.cosyvoice import CosyVoice
from tests.support.server_process import ROOT
from worker_node.errors import ProviderUnable
from worker_node.providers.base import QuietRun, SpeechRequest
from worker_node.providers.cosyvoice import CosyVoiceSpeaker
from worker_node.providers.settings import ProviderSettings, Voice

PACKAGES = ROOT / "tests" / "support" / "packages"
TEXT = "从前有一位老人，住在海边的灯塔里。每天晚上他都会点亮那盏灯，等待远方的小船回家。"
SAMPLE = {"id": "anna", "prompt_text": "你好", "prompt_wav": "anna.wav"}

Speak = Callable[..., list[str]]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(PACKAGES))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "cosyvoice"]:
        del sys.modules[name]


@pytest.fixture
def speak(installed: None, tmp_path: Path) -> Speak:
    """Speaks by a model, and returns what that was asked."""

    def do(model: str, text: str = TEXT, *, voice: str = "", **settings: Any) -> list[str]:
        speaker = CosyVoiceSpeaker(made(tmp_path, model, **settings))
        spoken = speaker.speak(SpeechRequest(text, voice, format="wav"), tmp_path / "a.wav", QuietRun())
        with av.open(str(tmp_path / "a.wav")) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        assert sum(frame.shape[1] for frame in frames) / 24_000 == pytest.approx(spoken.seconds, abs=0.01)
        assert spoken.seconds == pytest.approx(sounds.seconds_of(text), rel=0.15)
        return calls(tmp_path / model)

    return do


def made(folder: Path, model: str, **settings: Any) -> ProviderSettings:
    (folder / model).mkdir(exist_ok=True)
    (folder / "anna.wav").write_bytes(sounds.wav(sounds.voice(3, 16_000), 16_000))
    voices = [
        Voice.model_validate({**each, **({"prompt_wav": folder / each["prompt_wav"]} if "prompt_wav" in each else {})})
        for each in settings.pop("voices", [])
    ]
    return ProviderSettings(
        provider="cosyvoice", label="cosyvoice", model=str(folder / model), voices=voices, **settings
    )


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text("utf-8").splitlines()


def test_each_form_is_asked_for_by_what_a_voice_has(speak: Speak) -> None:
    by_sample = {"id": "b", "prompt_wav": "anna.wav"}
    asked = [
        *speak("CosyVoice-300M-SFT"),
        *speak("CosyVoice-300M-SFT", voice="中文男")[2:],
        *speak("CosyVoice-300M-Instruct", voices=[{"id": "中文男", "instruct": "高兴地说"}])[1:],
        *speak("CosyVoice2-0.5B", voices=[SAMPLE], extra={"fp16": True}),
        *speak("CosyVoice2-0.5B", voices=[by_sample])[3:],
        *speak("CosyVoice2-0.5B", voices=[{**by_sample, "instruct": "用四川话说<|endofprompt|>"}])[5:],
    ]
    assert asked == [
        *("load False", "sft 中文女"),
        *("load False", "sft 中文男"),
        "instruct 中文男 高兴地说",
        *("load True", "zero_shot 你好 b'RIFF'"),
        "cross_lingual b'RIFF'",
        "instruct2 用四川话说<|endofprompt|> b'RIFF'",
    ]


def test_an_older_package_that_takes_loaded_samples_and_chooses_no_class(
    speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.import_module("cosyvoice.cli.cosyvoice")
    monkeypatch.setattr(package, "CosyVoice2", package.OlderCosyVoice2)
    monkeypatch.delattr(package, "AutoModel")
    assert speak("CosyVoice2-0.5B", voices=[SAMPLE])[1:] == ["zero_shot 你好 2"]
    assert speak("CosyVoice-300M-SFT")[1:] == ["sft 中文女"]


def test_one_character_alone_on_which_the_model_breaks_is_padded(speak: Speak) -> None:
    assert speak("CosyVoice-300M-SFT", "好") == ["load False", "sft 中文女", "sft 中文女"]


@pytest.mark.parametrize(
    ("model", "settings", "fails", "said"),
    [
        ("CosyVoice2-0.5B", {}, "", "没有声音 中文女"),
        ("CosyVoice2-0.5B", {"form": "instruct", "voices": [{"id": "a", "instruct": "快"}]}, "", "没有声音 a"),
        ("CosyVoice-300M", {"form": "instruct2", "voices": [{**SAMPLE, "instruct": "快"}]}, "", "没有 instruct2"),
        ("CosyVoice-300M-SFT", {}, "memory", "内存或显存不足"),
    ],
)
def test_what_this_model_cannot_do_is_said_for_the_next_provider(
    speak: Speak, tmp_path: Path, model: str, settings: dict[str, Any], fails: str, said: str
) -> None:
    if fails:
        (tmp_path / model).mkdir()
        (tmp_path / model / "fails").touch()
    with pytest.raises(ProviderUnable, match=said):
        speak(model, **settings)


def test_a_model_must_be_named(installed: None) -> None:
    with pytest.raises(ProviderUnable, match="没有设置 model"):
        CosyVoiceSpeaker(ProviderSettings(provider="cosyvoice"))


def test_voices_are_those_of_the_settings_else_the_models_own(installed: None, tmp_path: Path) -> None:
    own = CosyVoiceSpeaker(made(tmp_path, "CosyVoice-300M-SFT"))
    named = CosyVoiceSpeaker(made(tmp_path, "CosyVoice2-0.5B", voices=[SAMPLE]))
    assert [voice.id for voice in own.voices()] == ["中文女", "中文男"]
    assert [voice.id for voice in named.voices()] == ["anna"]


def test_without_the_package_it_is_its_server_that_speaks() -> None:
    assert [voice.id for voice in CosyVoiceSpeaker(ProviderSettings(provider="cosyvoice")).voices()] == ["中文女"]


def test_an_address_that_is_set_is_asked_though_the_package_is_there(installed: None, tmp_path: Path) -> None:
    with CosyVoice() as server:
        speaker = CosyVoiceSpeaker(made(tmp_path, "CosyVoice-300M-SFT", base=server.url))
        speaker.speak(SpeechRequest(TEXT, format="wav"), tmp_path / "a.wav", QuietRun())
    assert len(server.requests()) == 1
    assert not (tmp_path / "CosyVoice-300M-SFT" / "calls").exists()


def test_the_nodes_process_loads_the_model_once_and_tells_its_name(start_node: StartNode, tmp_path: Path) -> None:
    folder = tmp_path / "CosyVoice-300M-SFT"
    folder.mkdir()
    env = {
        "PYTHONPATH": os.pathsep.join((str(PACKAGES), str(ROOT))),
        "S2V_NODE_TTS_PROVIDER": "cosyvoice",
        "S2V_NODE_TTS_CONCURRENCY": "1",
        "S2V_NODE_TTS_COSYVOICE_MODEL": str(folder),
    }
    node = start_node(env=env)
    jobs = [node.ended(node.submit("audio", tts={"text": TEXT})) for _ in range(2)]
    assert [job["status"] for job in jobs] == ["finished", "finished"], jobs
    assert jobs[0]["result"]["made_by"] == {"provider": "cosyvoice", "model": folder.name}
    assert calls(folder) == ["load False", "sft 中文女", "sft 中文女"]
