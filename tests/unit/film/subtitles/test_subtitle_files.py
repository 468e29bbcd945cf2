"""SRT and ASS files, read back by rules and by ffmpeg's own parsers."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest

from service.film.spec import CaptionStyle, Position, Word
from service.film.subtitles.cues import Cue, make_cues
from service.film.subtitles.subtitle_files import write_ass, write_srt

CUES = [Cue(0.0, 1.2345, ("清晨，", "小狐狸醒了。")), Cue(1.2345, 3725.5, ("Hello, world!",))]
HOSTILE = [
    r"{\an8}x",
    r"a\Nb",
    "<i>x</i>",
    "1 --> 2",
    "42",
    "a,b,c",
    "Dialogue: 0,0:00",
    "[Events]",
    "a\nb\n\n2\n",
    "\\",
    "{}",
]


def _texts(path: Path) -> list[str]:
    """What ffmpeg takes the cues to be: text of each, tags and all."""
    found = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.subtitles[0]):
            if packet.size:
                found.append(bytes(packet).decode("utf-8"))
    return found


def test_srt_has_numbered_cues_with_times_to_the_millisecond(tmp_path: Path) -> None:
    write_srt(tmp_path / "a.srt", CUES)
    assert (tmp_path / "a.srt").read_text("utf-8") == (
        "1\n00:00:00,000 --> 00:00:01,234\n清晨，\n小狐狸醒了。\n\n2\n00:00:01,234 --> 01:02:05,500\nHello, world!\n"
    )
    assert _texts(tmp_path / "a.srt") == ["清晨，\n小狐狸醒了。", "Hello, world!"]


def test_ass_is_read_back_with_its_two_lines_and_size(tmp_path: Path) -> None:
    write_ass(tmp_path / "a.ass", CUES, 1280, 720)
    text = (tmp_path / "a.ass").read_text("utf-8")
    assert "PlayResX: 1280\nPlayResY: 720" in text
    assert "Dialogue: 0,0:00:00.00,0:00:01.23,Default,,0,0,0,,清晨，\\N小狐狸醒了。\n" in text
    head = re.search(r"\[V4\+ Styles\]\nFormat: (.*)\nStyle: (.*)\n", text)
    assert head is not None
    assert head[1].count(",") == head[2].count(",")
    assert [line.split(",", 8)[-1] for line in _texts(tmp_path / "a.ass")] == ["清晨，\\N小狐狸醒了。", "Hello, world!"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_neither_a_tag_nor_a_cue_nor_a_line_of_its_own(tmp_path: Path, text: str) -> None:
    cues = [Cue(0, 1, ("before",)), Cue(1, 2, (text, "second")), Cue(2, 3, ("after",))]
    write_srt(tmp_path / "a.srt", cues)
    write_ass(tmp_path / "a.ass", cues, 640, 360)
    srt, ass = _texts(tmp_path / "a.srt"), [line.split(",", 8)[-1] for line in _texts(tmp_path / "a.ass")]
    assert len(srt) == len(ass) == 3
    assert (srt[0], srt[2], ass[0], ass[2]) == ("before", "after", "before", "after")
    assert len(srt[1].split("\n")) == 2
    assert ass[1].count("\\N") == 1
    assert not re.search(r"[{}]|\\[a-zA-Z]|<[a-z/]", ass[1].replace("\\N", "") + srt[1]) or "<" in text
    assert not re.search(r"<[a-z/]", srt[1])


def test_ass_has_the_chosen_look(tmp_path: Path) -> None:
    write_ass(tmp_path / "plain.ass", CUES, 1280, 720)
    look = CaptionStyle(size=1.5, colour="#FF8000", outline=0.5, position=Position.TOP, karaoke=True)
    write_ass(tmp_path / "a.ass", CUES, 1280, 720, looks=look)
    styles = [
        re.search(r"^Style: (.*)$", (tmp_path / name).read_text("utf-8"), re.MULTILINE)
        for name in ("plain.ass", "a.ass")
    ]
    plain, own = (found[1].split(",") for found in styles if found is not None)
    assert (plain[2], plain[3], plain[16], plain[18]) == ("56", "&H00FFFFFF", "3", "2")
    assert (own[2], own[3], own[16], own[18]) == ("85", "&H000080FF", "2.5", "8")
    assert own[4] != own[3]
    assert "\\k" not in (tmp_path / "a.ass").read_text("utf-8"), "no times are known"


def test_ass_times_each_word_by_its_own_tag(tmp_path: Path) -> None:
    text = "清晨的阳光洒在山谷里，小狐狸醒来了，它伸了个懒腰。 The fox wakes up early, every day."
    words, at = [], 1.0
    for part in (
        "清晨",
        "的",
        "阳光",
        "洒",
        "在",
        "山谷",
        "里",
        "小",
        "狐狸",
        "醒来",
        "了",
        "它",
        "伸了",
        "个",
        "懒腰",
    ):
        words.append(Word(part, at, at + 0.3))
        at += 0.35
    for part in ["The", "fox", "wakes", "up", "early", "every", "day"]:
        words.append(Word(part, at, at + 0.3))
        at += 0.35
    cues = make_cues(text, 0.5, at + 1, line_width=20, words=words, karaoke=True)
    assert all(cue.heard for cue in cues)
    assert len(cues) > 1
    write_ass(tmp_path / "a.ass", cues, 1280, 720, looks=CaptionStyle(karaoke=True))
    events = [
        line.split(",", 9)[9] for line in (tmp_path / "a.ass").read_text("utf-8").splitlines() if "Dialogue" in line
    ]
    found = []
    for cue, event in zip(cues, events, strict=True):
        assert re.sub(r"\{[^}]*\}", "", event) == "\\N".join(cue.lines)
        lasting = [int(length) for length in re.findall(r"\{\\k(\d+)\}", event)]
        assert sum(lasting) == round(cue.end * 100) - round(cue.start * 100)
        seconds = cue.start
        for length, word in re.findall(r"\{\\k(\d+)\}([^{]*)", event):
            found.append((word.replace("\\N", "").strip("，。,. "), seconds))
            seconds += int(length) / 100
    heard = [(word, seconds) for word, seconds in found if word]
    assert [word for word, _ in heard] == [word.text for word in words]
    for (_, seconds), word in zip(heard, words, strict=True):
        assert seconds == pytest.approx(word.start, abs=0.02)
    plain = make_cues(text, 0.5, at + 1, line_width=20, words=words)
    assert [cue._replace(heard=()) for cue in cues] == plain
