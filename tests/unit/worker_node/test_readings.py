"""How signs are said in Chinese and English."""

from __future__ import annotations

import pytest

from worker_node.providers.offline.readings import SIGNS, read, speakable
from worker_node.providers.offline.speaker import runs, unread


def said(text: str, default: str = "zh") -> str:
    return " ".join("".join(read(run.text, run.language) for run in runs(text, default)).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他今年１８岁", "他今年18岁"),
        ("２０２４年１２月３１日", "2024年12月31日"),
        ("￥１，２３４．５０元", "1234.50元"),
        ("￥1,234.50", "1234.50元"),
        ("１２３４５和10005和100,000,005和10000.5", "1万2345和1万零5和1亿零5和1万点五"),
        ("$5万", "5万美元"),
        ("£5和€6", "5英镑和6欧元"),
        ("打折５０％", "打折百分之50"),
        ("3‰", "千分之3"),
        ("气温-5℃，也有３°", "气温零下5摄氏度，也有3度"),
        ("½杯，3½杯，1/2杯", "2分之1杯，3又2分之1杯，2分之1杯"),
        ("№5和#1", "5号和1号"),
        ("第Ⅳ章①", "第 4 章 1"),
        ("5㎡，6㎏", "5平方米，6公斤"),
        ("3×4＝12，2*3÷1±1", "3乘4等于12，2乘3除以1正负1"),
        ("12:30到2024-12-31", "12点30分到2024年12月31日"),
        ("１０～２０", "10到20"),
        ("你＆我＠他＋她", "你和我艾特他加她"),
        ("二〇二四", "二零二四"),
    ],
)
def test_signs_are_said_in_chinese(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost $3.50 & €5", "It cost 3 dollars and 50 cents and 5 euros"),
        (
            "$1, $0.50, $1.01, £2.99 and $3.5",
            "1 dollar, 50 cents, 1 dollar and 1 cent, 2 pounds and 99 pence and 3.5 dollars",
        ),
        ("on 2024-12-31", "on December 31, 2024"),
        ("at ５０％ of 5℃", "at 50 percent of 5 degrees Celsius"),
        ("½ and 3½, Ⅳ or ①", "one half and 3 and one half , 4 or 1"),
        ("C# and #1 on № 5", "C sharp and number 1 on number 5"),
        ("a + b = c", "a plus b equals c"),
        ("3 < 5 > 2 by 2 * 3", "3 less than 5 greater than 2 by 2 times 3"),
        ("a 5㎡ room", "a 5 square metres room"),
        ("1,234,567 of them", "1234567 of them"),
    ],
)
def test_signs_are_said_in_english(text: str, expected: str) -> None:
    assert said(text, "en") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. Fox and Prof. Li. Dr. Hen.", "Mister Fox and Professor Li. Doctor Hen."),
        ("J. R. R. Tolkien of the U.S. Army.", "J R R Tolkien of the U S Army."),
        ("No. 5 lives. No. He does.", "number 5 lives. No. He does."),
        ("St. John left Main St. at noon", "Saint John left Main Street at noon"),
        ("cats, e.g. Tom, etc. Then all", "cats, for example Tom, et cetera. Then all"),
    ],
)
def test_a_full_stop_that_shortens_is_no_pause(text: str, expected: str) -> None:
    assert said(text, "en") == expected


@pytest.mark.parametrize("sign", SIGNS)
def test_every_sign_has_a_reading_in_both(sign: str) -> None:
    for language, letter in (("zh", "好"), ("en", "b")):
        assert sign not in read(f"{letter}{sign}{letter}", language)


def test_what_is_not_said_is_named_word_by_word() -> None:
    assert unread("他说ꦲꦏ，x ∫ y，又ꦲꦏ。", lambda letter: letter not in "ꦲꦏ") == ["ꦲꦏ", "∫"]
    assert unread("全部１００％，😀 ★ … → ok①", lambda _letter: True) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("跑了5km，重3 kg，高2m", "跑了5公里，重3公斤，高2米"),
        ("面积9m²和8km2，80km/h", "面积9平方米和8平方公里，80公里每小时"),
        ("1.5GB的硬盘，3mlb", "1.5吉字节的硬盘，3mlb"),
        ("I ran 5km", "I ran 5km"),
        ("看https://www.example.com/a/b?c=1#d，好", "看example点com，好"),
        ("See http://example.org:8080/a.", "See example dot org."),
        ("a@example.com", "a@example.com"),
    ],
)
def test_addresses_and_units_become_what_is_said_of_them(text: str, expected: str) -> None:
    assert speakable(text) == expected
