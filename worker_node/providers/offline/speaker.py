"""The offline speaker: espeak-ng, Mandarin for Chinese and English for Latin text, whichever each part of the text is written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from worker_node.providers.base import JobRun, SpeechRequest, Spoken, Voice
from worker_node.providers.offline import readings
from worker_node.providers.offline.espeak import Espeak
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.sentences import is_han
from worker_node.providers.settings import ProviderSettings

Samples = NDArray[np.float32]

VOICES = {"zh": ("cmn", 200), "en": ("en-us", 165)}  # espeak's voice, and words a minute at speed 1
BETWEEN_SCRIPTS_S = 0.12
NOTHING_TO_SAY_S = 0.6
LEAD_S, TAIL_S = 0.06, 0.18
SILENCE_DB = -46.0
LEVEL_DB, PEAK_DB = -20.0, -1.5
MP3_KBIT = 96
_VARIANT = re.compile(r"[fm][1-8]")
_PICTURES = re.compile("[\u2190-\u21ff\u2300-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff`^*~_|\\\\]")
_SPOKEN_MARKS = set("，。！？；：、,.!?;:…'\"“”‘’-—%$€¥+/&()（）")


@dataclass(frozen=True)
class Run:
    """A stretch of text in one language."""

    language: str
    text: str


def script(character: str) -> str:
    """The language of a character: "zh" for Chinese ones, "en" for other letters, "" for what is in no language."""
    return "zh" if is_han(character) else "en" if character.isalpha() else ""


def runs(text: str, default: str, language_of: Callable[[str], str] = script) -> list[Run]:
    """The text by script: Chinese characters are Mandarin, letters are English; digits and marks go with what stands before them (at
    the start: with what follows). Emoji and other signs that nobody reads aloud are left out. Of full-width digits, letters and signs the
    half-width ones are in it."""
    found: list[Run] = []
    language = ""
    gathered: list[str] = []
    pending: list[str] = []
    for character in readings.half_width(text):
        own = language_of(character)
        if not own:
            (gathered if language else pending).append(character if _is_read(character) else " ")
            continue
        if language and own != language:
            found.append(Run(language, "".join(gathered)))
            gathered = []
        language = own
        gathered += [*pending, character]
        pending = []
    if not language and any(character.isdigit() or readings.readable(character) for character in pending):
        language, gathered = default, pending
    if language:
        found.append(Run(language, "".join(gathered)))
    return found


def _is_read(character: str) -> bool:
    kind = unicodedata.category(character)
    return (
        kind in ("Nd", "Mn", "Mc") or character.isspace() or character in _SPOKEN_MARKS or readings.readable(character)
    )


def unread(text: str, is_said: Callable[[str], bool]) -> list[str]:
    """What of a text is not spoken, word by word and each once: letters that the voice has no sound for (`is_said`) and signs without a
    reading. Punctuation and pictures are not missed."""
    found: list[str] = []
    word = ""
    for character in [*readings.half_width(text), " "]:
        if _is_missed(character, is_said):
            word += character
        elif word and unicodedata.category(character)[0] != "M":
            found.append(word)
            word = ""
    return list(dict.fromkeys(found))


def _is_missed(character: str, is_said: Callable[[str], bool]) -> bool:
    if character.isalpha():
        return not character.isascii() and not is_said(character)
    kind = unicodedata.category(character)
    return kind[0] in "SN" and not _is_read(character) and not _PICTURES.match(character)


def variant(voice: str) -> str:
    """espeak's name for the kind of voice that is asked for, "" for its own."""
    wanted = voice.strip().lower()
    if _VARIANT.fullmatch(wanted):
        return "+" + wanted
    if "female" in wanted or "woman" in wanted or wanted.startswith("zf") or "女" in wanted:
        return "+f2"
    if "male" in wanted or "man" in wanted or "男" in wanted:
        return "+m3"
    return "+f2" if not wanted else ""


class OfflineSpeaker:
    """One espeak-ng for all jobs of this process."""

    def __init__(self, _settings: ProviderSettings | None = None) -> None:
        self._espeak = Espeak()
        self._said: dict[str, bool] = {}

    def voices(self) -> list[Voice]:
        """What can be asked for; each speaks both languages."""
        return [Voice("female", "女声", "zh", "female"), Voice("male", "男声", "zh", "male")]

    def speak(self, request: SpeechRequest, target: Path, run: JobRun) -> Spoken:
        """Write the speech; a text with nothing to say becomes a short silence."""
        rate = self._espeak.rate
        parts: list[Samples] = []
        text = plain(request.text)
        spoken = runs(readings.speakable(text), request.lang)
        for number, stretch in enumerate(spoken):
            voice, pace = VOICES[stretch.language]
            words = readings.read(stretch.text, stretch.language)
            parts.append(say(self._espeak, words, voice + variant(request.voice), pace * request.speed))
            parts.append(silence(BETWEEN_SCRIPTS_S, rate))
            run.report(5 + 80 * (number + 1) // len(spoken), "正在合成语音")
        speech = np.concatenate(parts[:-1]) if parts else np.zeros(0, np.float32)
        if not speech.size:
            speech = silence(NOTHING_TO_SAY_S, rate)
        speech = levelled(speech, rate)
        run.report(90, "正在编码音频")
        write_audio(speech, rate, target, request.format, request.sample_rate)
        return Spoken(speech.size / rate, tuple(unread(text, self._has_sound)))

    def _has_sound(self, character: str) -> bool:
        known = self._said.get(character)
        if known is None:
            voice, _ = VOICES["zh" if is_han(character) else "en"]
            known = self._said[character] = self._espeak.pronounces(character, voice)
        return known


def say(espeak: Espeak, text: str, voice: str, words_per_minute: float) -> Samples:
    """What a voice of espeak-ng says, at its rate, without the silence around it."""
    samples = espeak.say(text, voice, words_per_minute=round(words_per_minute), pitch=48, range_=58)
    return trimmed(samples.astype(np.float32) / np.float32(32768), espeak.rate)


def silence(seconds: float, rate: int) -> Samples:
    """So many seconds of it."""
    return np.zeros(round(seconds * rate), np.float32)


def trimmed(samples: Samples, rate: int) -> Samples:
    """Without the silence around it, but for a breath."""
    first, last = sounding(samples, rate)
    return samples[first:last]


def sounding(samples: Samples, rate: int) -> tuple[int, int]:
    """From where to where there is sound, with a breath on both sides; (0, 0) where there is none."""
    peak = max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))
    if peak < 1e-4:
        return 0, 0
    loud = np.abs(samples) > peak * 10 ** (SILENCE_DB / 20)
    first, last = int(loud.argmax()), loud.size - 1 - int(loud[::-1].argmax())
    return max(0, first - round(LEAD_S * rate)), min(samples.size, last + round(TAIL_S * rate))


def levelled(samples: Samples, rate: int) -> Samples:
    """At `LEVEL_DB` RMS over the blocks of 50 ms that are not silent, peaks softly held under `PEAK_DB`; changed in place."""
    block = rate // 20
    blocks = samples[: samples.size // block * block].reshape(-1, block)
    power = np.einsum("ij,ij->i", blocks, blocks) / np.float32(block)
    active = power[power > power.max(initial=0.0) * 1e-3]
    if not active.size:
        return samples
    level = 10 ** (LEVEL_DB / 20) / float(np.sqrt(active.mean()))
    ceiling = 10 ** (PEAK_DB / 20)
    samples *= np.float32(level / ceiling)
    np.tanh(samples, out=samples)
    samples *= np.float32(ceiling)
    return samples


def write_audio(samples: Samples, rate: int, target: Path, form: str, sample_rate: int) -> None:
    """Encode mono samples as MP3 or 16-bit WAV at `sample_rate`."""
    codec = {"mp3": "libmp3lame", "wav": "pcm_s16le"}[form]
    with av.open(str(target), "w", format=form) as container:
        stream = container.add_stream(codec, rate=sample_rate)
        stream.layout = "mono"
        if form == "mp3":
            stream.bit_rate = MP3_KBIT * 1000
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=sample_rate, frame_size=stream.frame_size or 1024
        )
        for start in range(
            0, samples.size, rate
        ):  # by the second: of an hour at once the resampler makes nothing at all
            pcm = np.round(np.clip(samples[start : start + rate], -1, 1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            for each in resampler.resample(frame):
                container.mux(stream.encode(each))
        for each in resampler.resample(None):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
