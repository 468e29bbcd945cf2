"""Markdown and HTML are shown as their text, and what only looks like them stays. Server and model node have the same file."""

from __future__ import annotations

import pytest

from service.film.subtitles.cues import make_cues
from service.film.subtitles.markup import plain

SHOWN = {
    "**粗体**和*斜体*、***both***、~~no~~": "粗体和斜体、both、no",
    "__bold__ and _so on_, `some_code`": "bold and so on, some_code",
    "**a *b* c** un**believ**able": "a b c unbelievable",
    "# 第一章\n从前": "第一章\n从前",
    "## C# ##\ntext": "C#\ntext",
    '[这里](https://a.b/c_d_e "t")和![一只猫](cat.png)': "这里和一只猫",
    "[![cat](https://a.b/c.png)](https://a.b)": "cat",
    "[text][1] more\n\n[1]: https://a.b": "text more\n",
    "<https://a.b/c>": "https://a.b/c",
    "- one\n* two\n+ three\n1. four\n- [x] five": "one\ntwo\nthree\n1. four\nfive",
    "> said\n>> twice": "said\ntwice",
    "```py\nx = a_b * c * d\n```\nend": "x = a_b * c * d\nend",
    "a\n---\nb\n***\nc": "a\nb\nc",
    "| a | b |\n|---|---|\n| c | d |": "a b\nc d",
    "<b>fett</b> <i>kursiv</i><br/>neu": "fett kursiv\nneu",
    '<p class="x">Hi</p>': "\nHi\n",
    "<img src='a' alt='Cat'>": "Cat",
    "a &amp; b&nbsp;c &#39;d&#39; &lt;e&gt;": "a & b\u00a0c 'd' <e>",
    "<!DOCTYPE html><video src='x'>y</video>": "\ny\n",
    "x<!-- never -->y<script>alert(1)</script>z": "xyz",
    r"\*not\*": "*not*",
}
KEPT = [
    "a < b", "a<b and c>d", "3 < 5 > 2", "I <3 you", "2 * 3 * 4", "2*3*4", "snake_case_name", "C#", "#1 and #2", "AT&T", "f***",
    "s**t and d**n", "array[0](x)", "a[0][1]", "[laughs] no", "^_^ and T_T", "5 - 3", "-5", "10~20~30", "a || b", "&unknown; &",
    "他说<你好>",
    "https://a.b/c_d_e_f?x=y",
]  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_markup_is_shown_as_its_text(text: str) -> None:
    assert plain(text) == SHOWN[text]


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_markup_stays(text: str) -> None:
    assert plain(text) == text


def test_cues_show_no_markup() -> None:
    [cue] = make_cues("# 标题\n**从前**有<b>一位</b>[老人](https://a.b)&amp;猫", 0, 5, line_width=42)
    assert " ".join(cue.lines) == "标题 从前有一位老人&猫"


def test_quotes_in_quotes_take_no_longer_than_others() -> None:
    assert plain("> " * 5000 + "     x").strip() == "x"
    assert plain("|" + " " * 50_000 + "x").strip("| ") == "x"
