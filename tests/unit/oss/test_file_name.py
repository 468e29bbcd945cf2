"""Names of files that are saved, out of titles in any script."""

from __future__ import annotations

import pytest
from werkzeug.http import parse_options_header

from service.oss.file_name import LONGEST, attachment, file_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("狐狸与月亮", "狐狸与月亮 2.mp4"),
        ("القمر والثعلب 🦊", "القمر والثعلب 🦊 2.mp4"),
        ("../../etc/passwd", "etc-passwd 2.mp4"),
        ('a"b\\c:d*e?f<g>h|i', "a-b-c-d-e-f-g-h-i 2.mp4"),
        ("a\r\nX: 1\x00\x7f", "aX- 1 2.mp4"),
        ("\u202egpj.exe", "gpj.exe 2.mp4"),
        ("\ud800", "film 2.mp4"),
        (" . ", "film 2.mp4"),
        ("", "film 2.mp4"),
        ("长" * 300, f"{'长' * LONGEST} 2.mp4"),
    ],
)
def test_a_name_is_one_that_every_system_takes_and_a_header_carries(title: str, name: str) -> None:
    assert file_name(title, " 2.mp4") == name
    header = attachment(name)
    assert header.isascii()
    assert parse_options_header(header) == ("attachment", {"filename": name})
    assert header.startswith("attachment; filename=film.mp4; ")  # for who knows no other
