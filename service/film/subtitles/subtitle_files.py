"""SRT and ASS files from cues. Whatever the text holds, players show it as text: nothing in it can become a tag or a new cue."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from service.film.spec import PLAIN, CaptionStyle, Position, Rgb
from service.film.subtitles.cues import Cue
from service.film.subtitles.fonts import SIMPLIFIED, font_family

# Neither format can escape all that it gives a meaning to. This character has no width and no meaning, and parts what would be a tag.
WORD_JOINER = "\u2060"
_PLACES = {Position.BOTTOM: 2, Position.MIDDLE: 5, Position.TOP: 8}  # as on a keyboard's number block
_JOINERS = "\u200c\u200d"  # letters of some scripts are shaped by them
# `\\{` is text to libass only; ffmpeg, and so players that turn SRT into ASS by it, would hide what stands between braces.
_BRACES = str.maketrans("{}", "｛｝")


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write a SubRip file (UTF-8)."""
    blocks = [
        f"{number}\n{_srt_time(start)} --> {_srt_time(end)}\n" + "\n".join(map(_srt_text, lines)) + "\n"
        for number, (start, end, lines, _heard) in enumerate(cues, start=1)
    ]
    path.write_text("\n".join(blocks), encoding="utf-8", newline="\n")


def write_ass(
    path: Path,
    cues: Sequence[Cue],
    width: int,
    height: int,
    language: str = SIMPLIFIED,
    looks: CaptionStyle = PLAIN,
) -> None:
    """Write an Advanced SubStation Alpha file (UTF-8) for a film of this size and language, looking like the burned captions.

    Words that are heard later (`Cue.heard`) are timed by `\\k`, the format's own karaoke.
    """
    size = max(8, round(0.058 * min(width, height) * 1.35 * looks.size))  # ASS counts the font's whole line height
    margin = round(height * (0.12 if height > width else 0.06))
    later = _ass_colour(looks.quiet_rgb if looks.karaoke else looks.rgb)
    outline = round(max(1, round(size * 0.06)) * looks.outline, 1)
    style = (
        f"Style: Default,{font_family(language)},{size},{_ass_colour(looks.rgb)},{later},&H000C0C0C,&H80000000,"
        f"0,0,0,0,100,100,0,0,1,{outline:g},0,{_PLACES[looks.position]},"
        f"{round(width * 0.04)},{round(width * 0.04)},{margin},1"
    )
    head = f"""[Script Info]
ScriptType: v4.00+
PlayResX: {width}
PlayResY: {height}
WrapStyle: 2
ScaledBorderAndShadow: yes
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
{style}

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
    events = [
        f"Dialogue: 0,{_ass_time(cue.start)},{_ass_time(cue.end)},Default,,0,0,0,," + _ass_text(cue) + "\n"
        for cue in cues
    ]
    path.write_text(head + "".join(events), encoding="utf-8", newline="\n")


def _ass_text(cue: Cue) -> str:
    texts = list(map(_text, cue.lines))
    if not cue.heard or list(map(len, texts)) != list(map(len, cue.lines)):  # what was replaced cannot be counted
        return "\\N".join(texts)
    edges = [0, *(until for _, until in cue.heard)]
    times = [cue.start, *(max(cue.start, second) for second, _ in cue.heard), cue.end]
    lasting = [max(0, _hundredths(after) - _hundredths(before)) for before, after in pairwise(times)]
    words = ["", *(_between(texts, begin, end) for begin, end in pairwise(edges))]
    return "".join(f"{{\\k{length}}}{word}" for length, word in zip(lasting, words, strict=True))


def _between(lines: Sequence[str], begin: int, end: int) -> str:
    """Characters of the lines, counted through all of them, with the line's end where it lies before one of them."""
    made, start = "", 0
    for number, line in enumerate(lines):
        part = line[max(0, begin - start) : max(0, end - start)]
        made += "\\N" + part if number and part and begin <= start else part
        start += len(line)
    return made


def _hundredths(seconds: float) -> int:
    return round(seconds * 100)


def _ass_colour(rgb: Rgb) -> str:
    red, green, blue = rgb
    return f"&H00{blue:02X}{green:02X}{red:02X}"


def _srt_text(line: str) -> str:
    text = _text(line).replace("<", "<" + WORD_JOINER).replace("-->", f"--{WORD_JOINER}>")
    # A line of digits alone would be taken for the number of a cue by players that repair broken files.
    return text + WORD_JOINER if text.isdecimal() or not text else text


def _text(line: str) -> str:
    """What both formats need: one line, no braces, no backslash that means something."""
    one_line = " ".join("".join(char if char.isprintable() or char in _JOINERS else " " for char in line).split())
    return one_line.translate(_BRACES).replace("\\", "\\" + WORD_JOINER)


def _srt_time(seconds: float) -> str:
    hours, minutes, rest, milliseconds = _clock(round(seconds * 1000), 1000)
    return f"{hours:02}:{minutes:02}:{rest:02},{milliseconds:03}"


def _ass_time(seconds: float) -> str:
    hours, minutes, rest, hundredths = _clock(round(seconds * 100), 100)
    return f"{hours}:{minutes:02}:{rest:02}.{hundredths:02}"


def _clock(units: int, per_second: int) -> tuple[int, int, int, int]:
    seconds, fraction = divmod(max(0, units), per_second)
    return seconds // 3600, seconds // 60 % 60, seconds % 60, fraction
