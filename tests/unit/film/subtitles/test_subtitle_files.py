"""SRT and ASS files, read back by rules and by ffmpeg's own parsers."""

from __future__ import annotations

import re
from pathlib import Path

import av
import pytest

from service.film.subtitles.cues import Cue
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
