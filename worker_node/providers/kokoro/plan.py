"""A text cut into what the models say at one go: symbols with the words of the text that they are said for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from worker_node.providers.kokoro import mandarin
from worker_node.providers.kokoro.english import English, is_latin
from worker_node.providers.kokoro.model import MOST_SYMBOLS
from worker_node.providers.kokoro.numerals import in_characters
from worker_node.providers.kokoro.sounds import ENDS, Sound, tidy
from worker_node.providers.kokoro.written import owners, words
from worker_node.providers.offline import readings
from worker_node.providers.offline.sentences import clause_cuts, sentences, word_cuts
from worker_node.providers.offline.speaker import Run, runs

AFTER_SENTENCE_S, AFTER_PARAGRAPH_S, WITHIN_SENTENCE_S = 0.32, 0.6, 0.1
OTHER = "other"
_FEW_SYMBOLS = 24  # so short a sentence sounds better together with the next
# A longer one is cut before it is looked at, which takes more than twice the time for twice the text.
_MOST_CHARACTERS = 2 * MOST_SYMBOLS
_BLANK = Sound(" ", 0, 0, pause=True)


@dataclass(frozen=True)
class Part:
    """What is said at one go, and the silence behind it at speed 1. `symbols[i]` is said for word `owners[i]` of `words`, -1 for none.
    Where the models have no sounds for the script, `foreign` is the text, and there are no symbols."""

    words: tuple[str, ...]
    symbols: str
    owners: tuple[int, ...]
    pause_s: float
    foreign: str = ""


def script(character: str) -> str:
    """The language that says a character: "zh", "en", `OTHER`, "" for none."""
    if mandarin.is_han(character):
        return "zh"
    if not character.isalpha():
        return ""
    return "en" if is_latin(character) else OTHER


class Planner:
    """Makes the parts of texts; reads the English dictionaries with the first English word."""

    def __init__(self) -> None:
        self._english: English | None = None

    def parts(self, text: str, default: str) -> list[Part]:
        """The text's parts in order. `default` is the language of what has no letters."""
        found: list[Part] = []
        for sentence in sentences(text):
            for made in self._sentence(sentence, default):
                if found and _joins(found[-1], made):
                    found[-1] = _joined(found[-1], made)
                else:
                    found.append(made)
        return found

    def _sentence(self, sentence: str, default: str) -> Iterator[Part]:
        """A sentence's parts: cut where the script is foreign, and in halves where it is too long for the model."""
        segments = list(_segments(runs(readings.speakable(sentence), default, script)))
        for number, segment in enumerate(segments):
            last = number == len(segments) - 1
            pause = WITHIN_SENTENCE_S if not last else AFTER_PARAGRAPH_S if "\n" in sentence else AFTER_SENTENCE_S
            if segment[0].language == OTHER:
                text = "".join(run.text for run in segment)
                yield Part(_texts(text), "", (), pause, foreign=text)
            else:
                yield from self._spoken(segment, sentence if len(segments) == 1 else "", pause)

    def _spoken(self, segment: list[Run], source: str, pause: float) -> Iterator[Part]:
        text = source or "".join(run.text for run in segment)
        if len(text) <= _MOST_CHARACTERS:
            part = self._part(segment, text, pause)
            if len(part.symbols) <= MOST_SYMBOLS:
                if part.symbols:
                    yield part
                return
        cut = _middle(text)
        default = segment[0].language
        for half, silence in ((text[:cut], WITHIN_SENTENCE_S), (text[cut:], pause)):
            halves = list(_segments(runs(readings.speakable(half), default, script)))
            if halves:
                yield from self._spoken(halves[0], half, silence)

    def _part(self, segment: list[Run], text: str, pause: float) -> Part:
        read, sounds = "", []
        for run in segment:
            own, said = self._read(run)
            if read and said and not said[0].pause:
                sounds.append(_BLANK._replace(start=len(read), end=len(read)))
            sounds += [sound._replace(start=sound.start + len(read), end=sound.end + len(read)) for sound in said]
            read += own
        spans = words(text)
        owned = owners(text, read, spans)
        symbols, symbol_owners = "", []
        for sound in tidy(sounds):
            owner = (
                -1 if sound.pause else next((number for number in owned[sound.start : sound.end] if number >= 0), -1)
            )
            symbols += sound.symbols
            symbol_owners += [owner] * len(sound.symbols)
        symbols = symbols.rstrip()
        if symbols and symbols[-1] not in ENDS:
            symbols += "."  # else the voice stays up
        texts = tuple(text[start:end] for start, end in spans)
        if not any(owner >= 0 for owner in symbol_owners):
            return Part((), "", (), pause)
        symbol_owners = [*symbol_owners, -1][: len(symbols)]
        return Part(texts, symbols, tuple(symbol_owners), pause)

    def _read(self, run: Run) -> tuple[str, list[Sound]]:
        if run.language == "zh":
            read = in_characters(readings.read(run.text, "zh"))
            return read, mandarin.sounds(read)
        if self._english is None:
            self._english = English()
        read, sounds = self._english.sounds(run.text)
        return read + " ", sounds


def _texts(text: str) -> tuple[str, ...]:
    return tuple(text[start:end] for start, end in words(text))


def _segments(found: list[Run]) -> Iterator[list[Run]]:
    """Runs that one model says, together."""
    gathered: list[Run] = []
    for run in found:
        if gathered and (run.language == OTHER) != (gathered[-1].language == OTHER):
            yield gathered
            gathered = []
        gathered.append(run)
    if gathered:
        yield gathered


def _middle(text: str) -> int:
    """Where a text is best cut in halves: between clauses, else words, else anywhere."""
    middle = len(text) // 2
    for cuts in (clause_cuts(text), word_cuts(text)):
        near = [cut for cut in cuts if len(text) // 5 < cut < len(text) * 4 // 5]
        if near:
            return min(near, key=lambda cut: abs(cut - middle))
    return middle


def _joins(before: Part, part: Part) -> bool:
    """Whether two sentences are said at one go: the first is very short, and they are of one paragraph."""
    return (
        before.pause_s == AFTER_SENTENCE_S
        and bool(before.symbols and part.symbols)
        and len(before.symbols) < _FEW_SYMBOLS
        and len(before.symbols) + len(part.symbols) < MOST_SYMBOLS
    )


def _joined(before: Part, part: Part) -> Part:
    shift = len(before.words)
    return replace(
        part,
        words=before.words + part.words,
        symbols=f"{before.symbols} {part.symbols}",
        owners=(*before.owners, -1, *(owner + shift if owner >= 0 else -1 for owner in part.owners)),
    )
