"""Titles and chapters as ffmpeg's metadata file."""

from __future__ import annotations

import pytest

from service.film.encoding.mux import Chapter, escape, metadata


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("清晨", "清晨"),
        ("a=b;c#d\\e", "a\\=b\\;c\\#d\\\\e"),
        ("two\nlines\r\n[CHAPTER]", "two lines [CHAPTER]"),
        ("nul\0and\x1besc", "nul and esc"),
        ("ends with \\", "ends with \\\\ "),
        ("100% {x} 'quote\"", "100% {x} 'quote\""),
    ],
)
def test_text_stays_one_value_whatever_it_holds(text: str, written: str) -> None:
    assert escape(text) == written


def test_chapters_are_whole_frames() -> None:
    text = metadata("片名", [Chapter(0, 45, "一"), Chapter(45, 90, "二")], 15)
    assert text.startswith(";FFMETADATA1\ntitle=片名\n[CHAPTER]\nTIMEBASE=1/15\nSTART=0\nEND=45\ntitle=一\n")
    assert "START=45\nEND=90\ntitle=二" in text
