"""What the demo makes of its argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Settings
from runtime.demo import DemoFailed, read_story, shots

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def test_default_is_the_chinese_example() -> None:
    assert read_story("") == (EXAMPLES / "story.zh.txt").read_text(encoding="utf-8").strip()


def test_file_is_read_and_text_is_itself(tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text("﻿Once upon a time.\n", encoding="utf-8")
    assert read_story(str(file)) == "Once upon a time."
    assert read_story(" 从前有座山。 ") == "从前有座山。"
    assert read_story("山" * 5000) == "山" * 5000  # too long for a path


def test_a_file_that_is_not_there_is_no_story_of_one_word(tmp_path: Path) -> None:
    for name in ("storry.txt", str(tmp_path / "我的故事.md")):
        with pytest.raises(DemoFailed, match="there is no file"):
            read_story(name)
    assert read_story("He wrote story.txt") == "He wrote story.txt"


def test_what_is_no_story_is_told(tmp_path: Path) -> None:
    binary = tmp_path / "film.mp4"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DemoFailed, match="UTF-8"):
        read_story(str(binary))
    with pytest.raises(DemoFailed, match="empty"):
        read_story("  \n")


@pytest.mark.parametrize(
    ("text", "count"),
    [("一句话", 1), ("一。二！三？", 3), ("It cost 3.14 dollars. Really?", 2), ("…", 1), ("好。" * 50, 6)],
)
def test_a_shot_a_sentence_up_to_the_configured_number(text: str, count: int) -> None:
    assert shots(text, Settings()) == count
