"""SRT and ASS files from cues. Whatever the text holds, players show it as text: nothing in it can become a tag or a new cue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.film.subtitles.cues import Cue
from service.film.subtitles.fonts import SIMPLIFIED, font_family

# Neither format can escape all that it gives a meaning to. This character has no width and no meaning, and parts what would be a tag.
WORD_JOINER = "\u2060"
_JOINERS = "\u200c\u200d"  # letters of some scripts are shaped by them
# `\\{` is text to libass only; ffmpeg, and so players that turn SRT into ASS by it, would hide what stands between braces.
_BRACES = str.maketrans("{}", "｛｝")


def write_srt(path: Path, cues: Sequence[Cue]) -> None:
    """Write a SubRip file (UTF-8)."""
    blocks = [
        f"{number}\n{_srt_time(start)} --> {_srt_time(end)}\n" + "\n".join(map(_srt_text, lines)) + "\n"
        for number, (start, end, lines) in enumerate(cues, start=1)
    ]
    path.write_text("\n".join(blocks), encoding="utf-8", newline="\n")


def write_ass(path: Path, cues: Sequence[Cue], width: int, height: int, language: str = SIMPLIFIED) -> None:
    """Write an Advanced SubStation Alpha file (UTF-8) for a film of this size and language, looking like the burned captions."""
    size = max(8, round(0.058 * min(width, height) * 1.35))  # ASS counts the font's whole line height
    margin = round(height * (0.12 if height > width else 0.06))
    style = (
        f"Style: Default,{font_family(language)},{size},&H00FFFFFF,&H00FFFFFF,&H000C0C0C,&H80000000,"
        f"0,0,0,0,100,100,0,0,1,{max(1, round(size * 0.06))},0,2,{round(width * 0.04)},{round(width * 0.04)},{margin},1"
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
        f"Dialogue: 0,{_ass_time(start)},{_ass_time(end)},Default,,0,0,0,," + "\\N".join(map(_text, lines)) + "\n"
        for start, end, lines in cues
    ]
    path.write_text(head + "".join(events), encoding="utf-8", newline="\n")


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
