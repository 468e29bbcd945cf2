"""What every speech server needs around it: a text fit for speaking, in parts; each part's sound checked, made again once where it is
wrong; one even speech of all parts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.base import JobRun, SpeechRequest, Spoken
from worker_node.providers.http_errors import Refused
from worker_node.providers.offline import readings
from worker_node.providers.offline.markup import plain
from worker_node.providers.offline.sentences import clause_cuts, is_han, sentences, shortened, speakable, word_cuts
from worker_node.providers.offline.speaker import NOTHING_TO_SAY_S, levelled, runs, silence, trimmed, write_audio
from worker_node.providers.sound_check import check_speech
from worker_node.providers.sound_files import Samples, decoded, stretched

BETWEEN_PARTS_S = 0.25
EDGE_S = 0.005  # over which a part comes in and goes out, so that no joint clicks
PARTED_S = 0.05  # the same where a sound is parted in its middle
LEAST_CUT = 60  # characters; a text that is refused and shorter is not refused for its length
TOO_LONG = (400, 413, 422)  # what servers answer to a text that is
DOUBTFUL = 1.6  # times what a text usually takes to say: a sentence may be in it twice
ALIKE = 1.15  # two takes whose lengths differ by less: it is how this voice speaks
CHINESE_S, LETTER_S, DIGIT_S, PAUSE_S = 1 / 4.5, 1 / 14, 1 / 4, 0.25
LONGEST_TIMES, LONGEST_MORE_S = 12, 30.0  # what is decoded of an answer
_ADDRESS = re.compile(r"(?:https?://|www\.)(?:www\.)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)[!#-;=?-_a-z~]*", re.I)
_RULES = re.compile(r" ?(?:[-=*~#·•‐-―─━] ?){2,}")
_BLANKS = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\n ]*")
_UNSAID = re.compile("[_\\\\`^|{}<>\u200b-\u200f\u2060\ufeff]+")
_KANA = re.compile("[\u3040-\u30ff]")
_MARKS = frozenset("，。！？；：、,.!?;:…\n")


@dataclass(frozen=True)
class SpeechServer:
    """A server as one job uses it. `ask(text, key)` returns a sound file or raises `ProviderUnable`; `longest` is the number of characters
    that it takes at once. `has_speed`: it speaks at the request's speed itself. `paces`: how slow it was found to be, by voice."""

    ask: Callable[[str, str], bytes]
    longest: int
    has_speed: bool
    voice: str = ""
    paces: MutableMapping[str, float] = field(default_factory=dict)


def speak(request: SpeechRequest, target: Path, run: JobRun, server: SpeechServer) -> Spoken:
    """Write the speech; a text with nothing to say becomes a short silence, without a call."""
    text = spoken_text(request.text, request.lang)
    rate = request.sample_rate
    pieces = parts(text, server.longest) if speakable(text) else []
    job = _Job(request, run, server)
    speech: list[Samples] = []
    for number, piece in enumerate(pieces, 1):
        speech += [silence(BETWEEN_PARTS_S / request.speed, rate)] * bool(speech)
        speech.append(job.part(str(number), piece))
        run.report(5 + 85 * number // len(pieces), "正在合成语音")
    whole = np.concatenate(speech) if speech else silence(NOTHING_TO_SAY_S, rate)
    write_audio(whole, rate, target, request.format, rate)
    return Spoken(whole.size / rate)


def spoken_text(text: str, language: str) -> str:
    """A text as it is said: without markup, pictures, rules of dashes and addresses' paths; signs, money and dates in words where it is
    Chinese or English (models of other languages know their own)."""
    text = _ADDRESS.sub(lambda found: f" {found[1]} ", plain(text))
    text = _UNSAID.sub(" ", _RULES.sub(_instead_of_rule, _BLANKS.sub(" ", text)))
    stretches = runs(text, language)
    ours = not _KANA.search(text) and all(is_han(letter) or letter.isascii() for letter in text if letter.isalpha())
    said = "".join(readings.read(each.text, each.language) if ours else each.text for each in stretches)
    return _LINES.sub("\n", _BLANKS.sub(" ", said)).strip()


def _instead_of_rule(rule: re.Match[str]) -> str:
    """A Chinese dash is a pause; what rules something off ends a line."""
    return "，" if rule.group().strip() == "——" else "\n"


def parts(text: str, longest: int) -> list[str]:
    """The text in parts of at most `longest` characters, cut at sentences, else at clauses, else between words."""
    found: list[str] = []
    for sentence in sentences(text):
        for piece in _pieces(sentence, longest):
            if found and len(found[-1]) + len(piece) <= longest:
                found[-1] += piece
            else:
                found.append(piece)
    return [piece.strip() for piece in found if speakable(piece)]


def _pieces(sentence: str, longest: int) -> list[str]:
    found: list[str] = []
    while len(sentence) > longest:
        near = sentence[: longest + 1]  # what comes behind is not read: it would be, again and again
        head = shortened(near, longest)
        cuts = clause_cuts(near) or word_cuts(near)
        cut = max((cut for cut in cuts if cut <= longest), default=0)
        cut = cut if cut > longest // 2 else len(head) or longest
        found.append(sentence[:cut])
        sentence = sentence[cut:]
    return [*found, sentence]


def usual_seconds(text: str) -> float:
    """How long people take to say it."""
    seconds = 0.0
    for character in text:
        if character.isdigit():
            seconds += DIGIT_S
        elif character.isalpha():
            seconds += CHINESE_S if character >= "\u2e80" else LETTER_S
        elif character in _MARKS:
            seconds += PAUSE_S
    return seconds


class _Job:
    """One speech's parts."""

    def __init__(self, request: SpeechRequest, run: JobRun, server: SpeechServer) -> None:
        self._request, self._run, self._server = request, run, server
        self._rate = request.sample_rate
        self._asked_speed = request.speed if server.has_speed else 1.0

    def part(self, name: str, text: str) -> Samples:
        """A part's sound, even in level, with soft edges. Raises `ProviderUnable` where it is wrong the second time, too."""
        try:
            samples = self._good(name, text)
        except Refused as error:
            if len(text) < LEAST_CUT or error.status not in TOO_LONG:
                raise
            halves = parts(text, math.ceil(len(text) * 5 / 8))
            return np.concatenate([self.part(f"{name}.{number}", half) for number, half in enumerate(halves, 1)])
        if self._asked_speed != self._request.speed:
            samples = stretched(samples, self._rate, self._request.speed)
        return _with_soft_edges(levelled(samples, self._rate), self._rate)

    def _good(self, name: str, text: str) -> Samples:
        reason, takes = "", list[Samples]()
        for attempt in (name, f"{name}-again"):
            try:
                samples = self._take(attempt, text)
            except (BrokenAnswer, Refused) as error:
                if sum(map(str.isalnum, text)) == 1:  # too little for some models, however often they are asked
                    return self._padded(name, text)
                if isinstance(error, Refused):
                    raise
                reason = str(error)
                continue
            wrong = check_speech(samples, self._rate, text, self._asked_speed)
            if wrong:
                reason = wrong
                continue
            takes.append(trimmed(samples, self._rate))
            if not self._is_doubtful(takes[-1], text):
                break
        if not takes:
            raise ProviderUnable(reason)
        if len(takes) == 2 and max(takes[0].size, takes[1].size) < ALIKE * min(takes[0].size, takes[1].size):
            self._server.paces[self._server.voice] = takes[1].size / self._rate / self._usual(text)
        return min(takes, key=len)

    def _take(self, name: str, text: str) -> Samples:
        answer = self._run.once(name, lambda key: self._server.ask(text, key))
        self._run.used(characters=len(text))
        return decoded(answer, self._rate, LONGEST_TIMES * usual_seconds(text) / self._asked_speed + LONGEST_MORE_S)

    def _padded(self, name: str, text: str) -> Samples:
        """The only character said twice, and the first of them."""
        samples = trimmed(
            self._take(f"{name}-padded", f"{text}。{text}。" if any(map(is_han, text)) else f"{text}. {text}."),
            self._rate,
        )
        first = _with_soft_edges(samples[: _quietest(samples, self._rate)], self._rate, PARTED_S)
        wrong = check_speech(first, self._rate, text, self._asked_speed)
        if wrong:
            raise ProviderUnable(wrong)
        return first

    def _usual(self, text: str) -> float:
        return max(usual_seconds(text), 0.5) / self._asked_speed

    def _is_doubtful(self, samples: Samples, text: str) -> bool:
        pace = max(1.0, self._server.paces.get(self._server.voice, 1.0))
        return samples.size / self._rate > DOUBTFUL * pace * self._usual(text) + PAUSE_S


def _quietest(samples: Samples, rate: int) -> int:
    """Where in its middle a sound is quietest."""
    block = max(1, rate // 50)
    count = samples.size // block
    if count < 4:
        return samples.size // 2
    powers = np.square(samples[: count * block].reshape(count, block)).sum(axis=1)
    low, high = round(count * 0.3), max(round(count * 0.7), round(count * 0.3) + 1)
    return int(low + powers[low:high].argmin()) * block


def _with_soft_edges(samples: Samples, rate: int, seconds: float = EDGE_S) -> Samples:
    edge = min(round(seconds * rate), samples.size // 2)
    if edge:
        rise = np.linspace(0, 1, edge, dtype=np.float32)
        samples[:edge] *= rise
        samples[-edge:] *= rise[::-1]
    return samples
