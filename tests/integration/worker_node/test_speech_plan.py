"""What the natural voice is given to say: both scripts in one text, pieces that fit the model, and which word each symbol is said for."""

from __future__ import annotations

import pytest

from worker_node.providers.kokoro import plan
from worker_node.providers.kokoro.model import MOST_SYMBOLS
from worker_node.providers.kokoro.plan import Part, Planner
from worker_node.providers.kokoro.written import owners, words


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner()


def spoken(part: Part) -> dict[str, str]:
    """Each word of a part with the symbols that are said for it."""
    return {
        word: "".join(symbol for symbol, owner in zip(part.symbols, part.owners, strict=True) if owner == number)
        for number, word in enumerate(part.words)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("小猫笑了。", ["小", "猫", "笑", "了"]),
        ("它叫Tom，3岁", ["它", "叫", "Tom", "3岁"]),
        ("don't stop, mother-in-law!", ["don't", "stop", "mother-in-law"]),
        ("He paid $3.50 (50%) on 2024-12-31.", ["He", "paid", "$3.50", "50%", "on", "2024-12-31"]),
        ("The 3rd iPhone15", ["The", "3rd", "iPhone15"]),
        ("见https://a.example/b?c=1吧", ["见", "https://a.example/b?c=1", "吧"]),
        ("नमस्ते こんにちは", ["नमस्ते", "こんにちは"]),
        ("……！😀", []),
    ],
)
def test_a_word_is_a_chinese_character_or_what_stands_between_blanks(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in words(text)] == expected


@pytest.mark.parametrize(
    ("text", "read", "expected"),
    [
        ("涨50%了", "涨百分之五十了", {"涨": "涨", "50%": "百分之五十", "了": "了"}),
        ("花$3.50买", "花三点五零美元买", {"花": "花", "$3.50": "三点五零美元", "买": "买"}),
        ("哈哈哈", "哈哈哈", {"哈": "哈哈哈"}),
        ("on 2024-12-31 at", "on December thirty-first, 2024 at", {"on": "on", "at": "at"}),
    ],
)
def test_what_is_read_belongs_to_the_word_that_it_is_read_for(text: str, read: str, expected: dict[str, str]) -> None:
    spans = words(text)
    found: dict[str, str] = {}
    for character, owner in zip(read, owners(text, read, spans), strict=True):
        if owner >= 0:
            word = text[slice(*spans[owner])]
            found[word] = found.get(word, "") + character
    assert {word: found[word] for word in expected} == expected


def test_both_scripts_are_said_at_one_go(planner: Planner) -> None:
    (part,) = planner.parts("小猫 Tom 有3个苹果。", "zh")
    assert spoken(part) == {
        "小": "ɕjau↓", "猫": "mau→", "Tom": "tˈɑm", "有": "jou↓", "3个": "sa→nkɤ↘", "苹": "pʰi↗ŋ", "果": "kwo↓",
    }  # fmt: skip
    assert part.symbols.endswith(".")


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        ("It cost $3.50 today.", "$3.50", "θɹˈi dˈɑləɹz ænd fˈɪfti sˈɛnts"),
        ("About 1,234 of them.", "1,234", "wˈʌn θˈWzᵊnd tˈu hˈʌndɹəd θˈɜɹTi fˈɔɹ"),
        ("Pi is 3.14 or so.", "3.14", "θɹˈi pYnt wˈʌn fˈɔɹ"),
        ("On 2024-12-31 it ended.", "2024-12-31", "disˈɛmbəɹ θˌɜɹTifˈɜɹst, twˈɛnti twˈɛnti fˈɔɹ"),
        ("Only 50% came.", "50%", "fˈɪfti pəɹsˈɛnt"),
        ("The 3rd time.", "3rd", "θˈɜɹd"),
        ("Dr. Smith came.", "Dr", "dˈɑktəɹ"),
        ("See https://www.example.com/a/b?c=1 now.", "https://www.example.com/a/b?c=1", "ɪɡzˈæmpəl dˈɑt kˈɑm"),
        ("A café.", "café", "kæfˈA"),
        ("It is 5 m wide.", "m", "mˈiTəɹz"),
    ],
)
def test_numbers_and_abbreviations_are_said_in_english(planner: Planner, text: str, word: str, said: str) -> None:
    (part,) = planner.parts(text, "en")
    assert spoken(part)[word].replace(" ", "") == said.replace(" ", "").replace(",", "")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("涨了50%。", "涨了百分之五十。"),
        ("跑了5km，重3kg。", "跑了五公里，重三公斤。"),
        ("时速80km/h。", "时速八十公里每小时。"),
        ("2024-12-31到了。", "二零二四年十二月三十一日到了。"),
        ("花了￥1,234.50。", "花了一千二百三十四点五零元。"),
        ("看https://example.com/a?b=1。", "看example点com。"),
        ("二〇二四年", "二零二四年"),
    ],
)
def test_numbers_units_and_addresses_are_said_in_chinese(planner: Planner, text: str, same: str) -> None:
    assert [part.symbols for part in planner.parts(text, "zh")] == [part.symbols for part in planner.parts(same, "zh")]


@pytest.mark.parametrize(
    "text",
    ["春天来了，花儿开了" * 100, "天地玄黄" * 300, "word " * 700, "x" * 3000, "9" * 900, "，" * 900, "笑了！" * 300],
)
def test_no_part_is_longer_than_the_model_takes_and_no_word_is_lost(planner: Planner, text: str) -> None:
    parts = planner.parts(text, "zh")
    assert all(len(part.symbols) <= MOST_SYMBOLS and len(part.owners) == len(part.symbols) for part in parts)
    assert "".join(word for part in parts for word in part.words) == "".join(filter(str.isalnum, text))


def test_very_short_sentences_are_said_together_and_paragraphs_are_not(planner: Planner) -> None:
    assert len(planner.parts("好！好！我们走吧。", "zh")) == 1
    assert len(planner.parts("好！\n\n我们走吧。", "zh")) == 2


def test_other_scripts_are_left_to_another_voice(planner: Planner) -> None:
    parts = planner.parts("他说Привет мир，然后走了。", "zh")
    assert [(bool(part.symbols), part.foreign.strip("， "), part.words[:2]) for part in parts] == [
        (True, "", ("他", "说")),
        (False, "Привет мир", ("Привет", "мир")),
        (True, "", ("然", "后")),
    ]


@pytest.mark.parametrize("unit", ["http://a", "the ", "春天来了", "a1b2"])
def test_no_more_of_an_endless_sentence_is_looked_at_than_the_model_can_nearly_say(
    planner: Planner, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To find which word is said by which sounds takes more than twice the time for twice the text."""
    looked_at: list[int] = []

    def counted(text: str, read: str, spans: list[tuple[int, int]]) -> list[int]:
        looked_at.append(len(text))
        return owners(text, read, spans)

    monkeypatch.setattr(plan, "owners", counted)
    text = unit * (6_000 // len(unit))
    parts = planner.parts(text, "zh")
    assert max(looked_at) <= 2 * MOST_SYMBOLS
    assert sum(looked_at) <= 4 * len(text)
    assert all(0 < len(part.symbols) <= MOST_SYMBOLS for part in parts)
