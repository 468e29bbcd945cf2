"""Where a narration may be cut: sentences, numbers, grapheme clusters, and the rules of Unicode for the ends of lines."""

from __future__ import annotations

import pytest
from icu4py.breakers import CharacterBreaker

from service.film.subtitles.cues import make_cues
from service.film.subtitles.line_breaks import columns
from service.film.subtitles.text_metrics import Break, clean, normalized, pieces
from tests.support.texts import SENTENCES, WHOLE

SCRIPTS = {
    "Devanagari": "नमस्ते दुनिया क्षत्रिय की कहानी ",
    "Thai": "สวัสดีชาวโลกวันนี้อากาศดีมาก",
    "Lao": "ສະບາຍດີຊາວໂລກ",
    "Khmer": "ភាសាខ្មែរជាភាសាផ្លូវការ",
    "Burmese": "မြန်မာဘာသာစကား",
    "Tibetan": "བོད་སྐད་ཡིག་ནི་",
    "Jamo": "\u1112\u1161\u11ab\u1100\u1173\u11af ",
    "joined by ZWJ": "क्\u200dष ශ්\u200dරී ",
    "emoji": "春天👩\u200d👩\u200d👧🇨🇳👍🏽来了",
    "accents": "e\u0301\u0323a\u0308 ",
}


def _lines(text: str, width: int) -> list[str]:
    return [line for cue in make_cues(text, 0, 0.3 * len(text), line_width=width) for line in cue.lines]


@pytest.mark.parametrize("sentences", SENTENCES, ids=lambda sentences: sentences[0][:20])
def test_a_cue_takes_for_sentences_what_are_sentences(sentences: list[str]) -> None:
    found = [""]
    for piece in pieces(normalized(" ".join(sentences)), 200):
        found[-1] += piece.text + " " * piece.spaced
        if piece.after is Break.SENTENCE:
            found.append("")
    assert [each.strip() for each in found if each] == sentences


@pytest.mark.parametrize("whole", WHOLE)
@pytest.mark.parametrize("width", range(30, 43))
def test_numbers_dates_and_addresses_are_on_one_line(whole: str, width: int) -> None:
    for text in (
        f"这台非常漂亮的新机器{whole}，现在大家都来买吧真的很好。",
        f"They said that it was {whole} and left.",
    ):
        assert any(whole in line for line in _lines(text * 3, width))
        assert sum(line.count(whole) for line in _lines(text * 3, width)) == 3


def test_an_address_longer_than_a_line_is_cut_and_nothing_of_it_lost() -> None:
    address = "https://example.com/" + "a/very/long/path/" * 4
    lines = _lines(f"见{address}吧", 30)
    assert "".join(lines) == f"见{address}吧"
    assert all(columns(line) <= 30 for line in lines)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("width", [8, 13, 20])
def test_no_line_begins_within_a_grapheme_cluster(name: str, width: int) -> None:
    text = clean(SCRIPTS[name] * 6)
    clusters = [cluster.strip() for cluster in CharacterBreaker(text, "en") if cluster.strip()]
    lines = _lines(text, width)
    assert [
        cluster.strip() for line in lines for cluster in CharacterBreaker(line, "en") if cluster.strip()
    ] == clusters
    assert all(columns(line) <= width for line in lines)


@pytest.mark.parametrize("unit", ["क्", "\u1100", "ि", "🇨", "\u200d", "ก"])
def test_a_cluster_longer_than_a_line_is_cut_all_the_same(unit: str) -> None:
    assert all(columns(line) <= 20 for line in _lines(unit * 3000, 20))


def test_thai_is_cut_between_its_words() -> None:
    words = ["สวัสดี", "ชาว", "โลก"]
    assert [piece.text for piece in pieces("".join(words), 40)] == words


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u2007"])
@pytest.mark.parametrize("width", range(14, 30))
def test_a_no_break_blank_does_not_break(blank: str, width: int) -> None:
    text = f"Il a dit{blank}: «{blank}Bonjour{blank}!{blank}» puis il a payé 12{blank}345 fois{blank}? Non{blank}! "
    for line in _lines(text * 2, width):
        assert line[0] not in f"»!?:{blank}"
        assert not line.startswith("345")
        assert line[-1] not in f"«{blank}"


@pytest.mark.parametrize("width", range(9, 24))
def test_word_joiners_join_and_are_not_shown(width: int) -> None:
    lines = _lines("春天\u2060来了 a\u2011b 我们都\u2060走 " * 5, width)
    assert all(line[0] not in "来走" and not line.startswith("\u2011") and "\u2060" not in line for line in lines)


@pytest.mark.parametrize("width", range(8, 24))
@pytest.mark.parametrize(
    "text",
    [
        "きょうはキャーとさけんだ。「ああ、」とかれはいった。（そうだ）ヴァー！",
        "他说：「你好。」然后《书》里（有）“话”，真的？！走了……吗——好",
        '他说"你好吗"然后"再见"又走了',
    ],
)
def test_no_line_begins_with_a_closing_mark_nor_ends_with_an_opening_one(text: str, width: int) -> None:
    for line in _lines(text * 3, width):
        assert line[0] not in "」』）》”、。！？：，…ーょャァ"
        assert line[-1] not in "「『（《“"


def test_straight_quotes_open_and_close() -> None:
    assert [piece.text for piece in pieces('他"好"走', 40)] == ["他", '"好"', "走"]
