"""A recogniser understands the default voice. The sentences were written before anything was heard, and nothing is tuned to them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.models.recogniser import Recogniser, errors, units
from worker_node.providers.base import QuietRun, SpeechRequest
from worker_node.providers.kokoro.speaker import KokoroSpeaker
from worker_node.providers.offline.speaker import OfflineSpeaker

pytestmark = [pytest.mark.models, pytest.mark.timeout(1800), pytest.mark.filterwarnings("ignore")]

CHINESE = (
    "清晨的阳光照进了安静的小院子。",
    "老渔夫把一张旧网晒在沙滩上。",
    "她推开窗户，看见远处的山顶还有雪。",
    "弟弟在雨里捡到一只发抖的小猫。",
    "图书馆的管理员每天最早来，最晚走。",
    "火车穿过长长的隧道，灯光一闪一闪。",
    "爷爷说，这棵银杏树比他的年纪还大。",
    "他们在集市上买了新鲜的蔬菜和水果。",
    "医生轻轻地敲了敲门，然后走了进来。",
    "春节那天，全家人围在桌边包饺子。",
    "骆驼驮着货物，慢慢走过沙漠。",
    "他把写好的信放进信封，贴上邮票。",
    "夜里的风吹得树叶沙沙作响。",
    "小女孩用铅笔画了一座彩色的桥。",
    "船长望着地图，决定向北航行。",
    "面包店的香味飘满了整条街道。",
    "科学家们终于找到了问题的答案。",
    "孩子们排着队，等待参观博物馆。",
    "请不要忘记带上雨伞和钥匙。",
    "钟声响了三下，广场上的鸽子都飞了起来。",
)
ENGLISH = (
    "The old lighthouse keeper climbed the stairs every evening.",
    "A small brown dog waited patiently outside the bakery.",
    "Nobody remembered who had planted the apple tree.",
    "She wrapped the letter in blue paper and hid it under the bed.",
    "The train arrived late because of heavy snow in the mountains.",
    "My grandfather built this wooden boat with his own hands.",
    "They followed the river until they reached a quiet village.",
    "The teacher smiled and wrote one word on the board.",
    "After the storm, the children found shells along the beach.",
    "He closed the book and listened to the rain.",
)
SENTENCES = {"zh": CHINESE, "en": ENGLISH}
MOST_ERRORS = {"zh": 0.10, "en": 0.05}  # of syllables without tones, and of words


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    return Recogniser(tmp_path_factory.mktemp("whisper"))


@pytest.fixture(scope="module")
def kokoro() -> Any:
    before = _megabytes()
    started = time.monotonic()
    speaker = KokoroSpeaker()
    print(f"\nkokoro: {time.monotonic() - started:.1f} s to load, {_megabytes() - before:.0f} MB")
    return speaker


def _megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


def _share_of_errors(name: str, speaker: Any, recogniser: Recogniser, language: str, folder: Path) -> float:
    """The errors of all sentences by the units of all; prints it, what was heard otherwise, and how long it took."""
    wrong = said = 0
    spoken = spent = 0.0
    for sentence in SENTENCES[language]:
        started = time.process_time()
        spoken += speaker.speak(
            SpeechRequest(sentence, lang=language, format="wav"), folder / "a.wav", QuietRun()
        ).seconds
        spent += time.process_time() - started
        heard = recogniser.hear(folder / "a.wav", language)
        wanted = units(sentence, language)
        missed = min(
            errors(wanted, units(heard, language)), len(wanted)
        )  # what it makes up beside is one misunderstanding
        wrong, said = wrong + missed, said + len(wanted)
        if missed:
            print(f"  {name} {language}: {sentence} | {heard.strip()}")
    print(
        f"{name} {language}: {wrong / said:.3f} errors in {said}; {spent / spoken:.2f} s of a processor for a second of sound, "
        f"{spoken / said:.2f} s for a unit; {_megabytes():.0f} MB with the recogniser"
    )
    return wrong / said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_natural_voice_is_understood(recogniser: Recogniser, kokoro: Any, tmp_path: Path, language: str) -> None:
    assert _share_of_errors("kokoro", kokoro, recogniser, language, tmp_path) <= MOST_ERRORS[language]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_espeak_is_heard_beside_it(recogniser: Recogniser, tmp_path: Path, language: str) -> None:
    speaker = OfflineSpeaker()
    assert 0 <= _share_of_errors("espeak", speaker, recogniser, language, tmp_path) <= 1
