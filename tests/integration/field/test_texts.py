"""Texts of many scripts and habits: as they are cut, shown, and spoken."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import av
import numpy as np
import pytest

from service.film.spec import FilmShot, Subtitles
from service.film.subtitles.captions import Captions
from service.film.subtitles.cues import make_cues
from service.film.subtitles.fonts import language_of
from tests.integration.film import material
from worker_node.providers.base import QuietRun, SpeechRequest, Spoken
from worker_node.providers.offline.sentences import sentences
from worker_node.providers.offline.shots import divide
from worker_node.providers.offline.speaker import OfflineSpeaker

NARROW = 16  # columns: as a film of 9:16 has
CLINGING = "।॥،؛؟!?:;,.»”’）)】」』，。、！？：；％%"


def lines(text: str, width: int = NARROW) -> list[str]:
    """Every line of the cues of a text that is spoken slowly."""
    return [line for cue in make_cues(text, 0.0, 4.0 + len(text) / 2, line_width=width) for line in cue.lines]


def shots(text: str) -> list[str]:
    """The text in as many shots as it can be cut into."""
    return [part for part in divide(text, 40) if part]


NEVER_FIRST = "»!?:;，。！？、）』」》ょゃっ\u00a0\u202f\u2060\u2011"
NEVER_LAST = "«„¿¡（『「《\u00a0\u202f\u2060\u2011"

# Sentences.

NO_END = [
    ("en", "Then Dr. Watson met Prof. J. R. Moriarty, Jr. and Capt. Nemo on St. James St. near noon"),
    ("en", "The shop, est. 1897, sold e.g. tea, i.e. leaves, vs. coffee, approx. 5 lb. a day"),
    ("en", "On Jan. 5, at 6 a.m. local time, Lt. Col. Smith of the U.S. Army left"),
    ("de", "Er sah z. B. Katzen, u. a. Dr. Müllers, ca. 20 Stück bzw. mehr, am 3. Oktober um 5 Uhr"),
    ("de", "Die Fa. Meyer, Inh. Hr. Schulz, Nr. 7, lieferte usw. an St. Gallen"),
    ("fr", "M. Dupont et Mme. Leroy, av. J.-C., voient p. ex. le no. 5 et Mgr. Blanc"),
]


@pytest.mark.parametrize(("language", "text"), NO_END)
def test_a_full_stop_of_an_abbreviation_ends_neither_a_sentence_nor_a_cue(language: str, text: str) -> None:
    assert sentences(text + ".") == [text + "."], language
    for cue in make_cues(text + ".", 0.0, 7.0, line_width=42):
        last = cue.lines[-1].split()[-1]
        assert last not in {
            "Dr.",
            "Prof.",
            "St.",
            "Mr.",
            "e.g.",
            "Nr.",
            "M.",
            "Mme.",
            "3.",
            "Lt.",
            "no.",
            "z.",
            "J.",
        }, cue


@pytest.mark.parametrize(
    "parts",
    [
        ["He came at 5 p.m.", "She left at once."],
        ["We met in Washington, D.C.", "Nobody spoke."],
        ["They sold tea, milk, etc.", "Then it rained."],
        ["It was plan B.", "It failed."],
        ["Das war 1989.", "Danach kam der Winter.", "Er lebte usw."],
        ["Il a dit non.", "Elle est partie."],
        ["“Go!” he said.", "‘Why?’ she asked.", "No."],
        ["他说：“走吧。”", "她没有动。"],
        ["他来了！！！", "真的吗？！", "是的……"],
    ],
)
def test_what_ends_a_sentence_goes_on_ending_it(parts: list[str]) -> None:
    joined = ("" if ord(parts[0][0]) > 0x2FFF else " ").join(parts)
    assert [part.strip() for part in sentences(joined)] == parts


# Numbers and addresses.

WHOLE = [
    "＄１２，３４５．６７", "１２：３０：４５", "1 234 567,89", "12\u202f345\u202f678", "€ 1.234,50", "-273.15℃", "3.14159%",
    "192.168.0.1:8080", "2024/12/31", "２０２４－１２－３１", "v2.10.3-rc.1", "1'234.50", "+86-138-0013-8000", "10:30—11:45"[:5],
    "https://b23.tv/av170001?p=2&t=1.5#c", "www.example.com.cn/猫.html"[:18], "user.name+tag@mail.example.co.uk", "50%～60%"[:3],
    "№ 5", "1,000,000", "１．５亿"[:3], "3×4"[:3], "½",
]  # fmt: skip


@pytest.mark.parametrize("whole", [one for one in WHOLE if " " not in one])
@pytest.mark.parametrize(
    "frame", ["这家小店里的东西一共只卖{}，真便宜，大家都来看看吧", "They all said {}, and then they left at once"]
)
def test_a_number_or_an_address_that_fits_is_one_piece_in_cues_and_shots(whole: str, frame: str) -> None:
    text = frame.format(whole)
    width = 44
    assert any(whole in line for line in lines(text, width)), lines(text, width)
    assert any(whole in part for part in shots(text)), shots(text)


# Scripts.

SCRIPTS = {
    "Hindi": "एक समय की बात है, एक छोटा-सा गाँव था जहाँ क्षत्रिय और ज्ञानी लोग श्रद्धा से रहते थे।",
    "Bengali": "একদিন সকালে ছোট্ট শিয়ালটি ঘুম থেকে উঠে দেখল ক্ষেতের উপর শিশির জমেছে।",
    "Tamil": "ஒரு காலத்தில் ஒரு சிறிய கிராமத்தில் க்ஷேத்திரம் இருந்தது; அங்கே ஸ்ரீ வாழ்ந்தாள்.",
    "Thai": "กาลครั้งหนึ่งนานมาแล้วมีสุนัขจิ้งจอกตัวเล็กๆอาศัยอยู่ในป่าใหญ่แห่งนี้กับเพื่อนๆ",
    "Burmese": "တစ်ခါတုန်းက မြေခွေးလေးတစ်ကောင်ဟာ တောအုပ်ကြီးထဲမှာ နေထိုင်ခဲ့ပါတယ်။",
    "Khmer": "កាលពីព្រេងនាយមានកញ្ជ្រោងតូចមួយរស់នៅក្នុងព្រៃធំជាមួយមិត្តភក្តិ។",
    "Tibetan": "སྔོན་མ་ཞིག་ལ་ཝ་མོ་ཆུང་ཆུང་ཞིག་ནགས་ཚལ་ཆེན་པོའི་ནང་དུ་བསྡད་ཡོད།",
    "Arabic with vowels": "كَانَ يَا مَا كَانَ فِي قَدِيمِ الزَّمَانِ ثَعْلَبٌ صَغِيرٌ يَعِيشُ فِي الْغَابَةِ.",
    "Hebrew with vowels": "הָיֹה הָיָה שׁוּעָל קָטָן שֶׁחָי בַּיַּעַר הַגָּדוֹל עִם חֲבֵרָיו.",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Ngày xửa ngày xưa có một chú cáo nhỏ sống trong khu rừng rộng lớn."),
    "Korean, decomposed": unicodedata.normalize("NFD", "옛날 옛적에 작은 여우 한 마리가 큰 숲에 살았습니다. 여우는 매일 노래했어요."),
    "Japanese with marks": unicodedata.normalize("NFD", "むかしむかし、ちいさなきつねがもりでくらしていました。ガッツポーズをとった。"),
}  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("width", [8, NARROW, 30])
def test_no_line_and_no_shot_begins_within_a_composed_character_or_behind_a_joiner(script: str, width: int) -> None:
    text = SCRIPTS[script]
    pieces = [*lines(text, width), *shots(text)]
    for piece in pieces:
        assert unicodedata.category(piece[0]) not in ("Mn", "Mc", "Me"), piece
        assert not "\u1160" <= piece[0] <= "\u11ff", "a vowel without its consonant"
        assert piece[0] not in CLINGING, piece
    told = unicodedata.normalize("NFC", "".join("".join(lines(text, width)).split()))
    assert told == unicodedata.normalize("NFC", "".join(text.split()))


@pytest.mark.parametrize(
    "text",
    [
        "Il a dit\u202f: «\u202fBonjour\u202f!\u202f» puis il compta 1\u202f234\u202f567 moutons\u202f; non\u202f?",
        "Elle cria\u00a0: «\u00a0Au feu\u00a0!\u00a0» et les 10\u00a0000 pompiers vinrent à 8\u00a0h\u00a030\u00a0!",
        "Er sagte: „Guten\u00a0Tag“, z.\u202fB. um 5\u00a0Uhr, und zahlte 12\u00a0€ für 3\u00a0kg.",
        "¿Quién es? ¡Soy yo! —dijo—. «No», respondió ella; y pagó 5\u00a0€.",
        "「ちょっと、まって！」と、かのじょは『いった』。ぎゅっ、とてをにぎった……。",
        "他说：“好吧！”然后（终于）走了——再也没有回来……《完》。",
        "Mr.\u00a0Fox and J.\u2060R.\u2060R.\u00a0Tolkien met at 5\u00a0p.m. by the no\u2011break\u2011bridge.",
    ],
)
@pytest.mark.parametrize("width", [14, 20, 28])
def test_no_line_breaks_where_the_text_forbids_it(text: str, width: int) -> None:
    joined = lines(text, width)
    assert not [line for line in joined if line[0] in NEVER_FIRST], joined
    assert not [line for line in joined if line[-1] in NEVER_LAST], joined
    for stuck in ("10\u00a0000", "1\u202f234\u202f567", "5\u00a0Uhr", "12\u00a0€", "Mr.\u00a0Fox", "5\u00a0p.m."):
        if stuck in text:
            assert any(stuck.replace("\u202f", "\u00a0") in line.replace("\u202f", "\u00a0") for line in joined), joined


# Languages.

LANGUAGES = [
    ("大海原の底に竜宮城があった。\n東京駅。\n彼は行った。", "ja"),
    ("第一幕 東京大学前\n「そうか」と彼は言った。", "ja"),
    ("ﾈｺがいる", "ja"),
    ("佢哋喺香港食嘢，開心到唔識講嘢。", "zh-Hant"),
    ("這個故事發生在台灣的一個小鎮，雨下個不停。Windows 98", "zh-Hant"),
    ("東京的雨", "zh-Hant"),
    ("后来皇后在里面说：干净的台子。", "zh-Hans"),
    ("他们说“さようなら”就走了，这座城市里再也没有人见过他们。", "zh-Hans"),
    ("大韓民國의 수도 서울", "ko"),
    (unicodedata.normalize("NFD", "안녕하세요 여러분"), "ko"),
]


@pytest.mark.parametrize(("story", "language"), LANGUAGES)
def test_the_forms_of_han_characters_are_those_of_the_storys_language(story: str, language: str) -> None:
    assert language_of(story) == language


OTHERS = {"JP": "おばあさんは川へ行きました。", "TC": "他說這裡沒有人。", "SC": "他说这里没有人。"}


@pytest.fixture(scope="module")
def han_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, material.Frames]:
    """The same line of Han characters, burned into films whose other lines are in these languages."""
    drawn = {}
    for family, other in OTHERS.items():
        made = [
            FilmShot(1, text="直骨海角", title="-", minimum_s=0.5),
            FilmShot(2, text=other, title="-", minimum_s=0.5),
        ]
        folder = tmp_path_factory.mktemp(family)
        report = material.make(material.spec(folder, made, subtitles=Subtitles.BURNED, width=640, height=360, fps=5))
        assert report.subtitles_ass
        assert f" {family}" in report.subtitles_ass.read_text(encoding="utf-8")
        drawn[family] = material.decode(report.film)[round(report.shots[0].end * 5 / 2), 270:]
    return drawn


@pytest.mark.parametrize(("one", "other"), [("JP", "SC"), ("TC", "SC"), ("TC", "JP")])
def test_a_line_of_han_characters_alone_follows_the_other_lines_of_its_film(
    han_lines: dict[str, material.Frames], one: str, other: str
) -> None:
    different = np.abs(han_lines[one].astype(int) - han_lines[other]).max(axis=2) > 90
    assert different.sum() > 25


@pytest.mark.parametrize("line", ["एक, छोटा-सा.", "“สวัสดี!”", "(ప్రియమైన)"])
def test_of_a_line_that_the_font_cannot_write_no_marks_are_left(line: str) -> None:
    captions = Captions(640, 360)
    assert captions.lacks((line,))
    assert not captions.draw((line,)).rgba.any()
    assert captions.draw(("……", line)).rgba.any()
    assert captions.draw((f"早安 {line}",)).rgba.any()


# Markup.

SHOWN = {
    "第一章\n======\n\n从前有一只猫。": "第一章从前有一只猫。",
    "<section style=\"font-size:16px\"><span>他来了</span>&hellip;<br/>她走了</section>": "他来了…她走了",
    "他说<strong>不</strong>，<font color=red>红</font><sup>2</sup>": "他说不，红2",
    "~~~\n诗\n~~~\n**终**": "诗终",
    "他说&ldquo;好&rdquo;&mdash;&mdash;走&#x4E86;": "他说“好”——走了",
    "![封面](data:image/png;base64,iVBORw0KGgo=)从前": "封面从前",
    "看 [官网](https://example.com/a_(b) \"标题\")。": "看官网。",
    "*“好”*，他说；_真的_？": "“好”，他说；真的？",
    "这是***很***重要的": "这是很重要的",
    "请看 https://www.bilibili.com/video/BV1xx?p=1&t=2_3 吧": "请看https://www.bilibili.com/video/BV1xx?p=1&t=2_3吧",
    "1 < 2 && 3 > 2": "1<2&&3>2",
    "5 * 3 * 2 = 30": "5*3*2=30",
    "他说 *呜呜* ，然后 \\*笑\\*": "他说呜呜，然后*笑*",
}  # fmt: skip


@pytest.mark.parametrize("written", SHOWN)
def test_a_subtitle_is_the_text_and_not_its_markup(written: str) -> None:
    assert "".join("".join(lines(written, 60)).split()) == SHOWN[written]


def test_markup_is_not_in_the_shots_titles_and_subtitles_of_a_film(tmp_path: Path) -> None:
    made = [FilmShot(1, text="## 开始\n**小猫**来了&nbsp;<br>", title="**第一章** <b>夜</b>", minimum_s=0.6)]
    report = material.make(material.spec(tmp_path, made, subtitles=Subtitles.SOFT))
    assert report.subtitles_srt
    srt = report.subtitles_srt.read_text(encoding="utf-8")
    assert "小猫来了" in srt
    with av.open(str(report.film)) as container:
        [chapter] = container.chapters()
    assert chapter["metadata"]["title"] == "第一章 夜"
    assert not set("*#<>&") & set(srt.replace("-->", ""))


# Speech.


@pytest.fixture(scope="module")
def speaker() -> OfflineSpeaker:
    return OfflineSpeaker()


def say(speaker: OfflineSpeaker, folder: Path, text: str) -> Spoken:
    return speaker.speak(SpeechRequest(text, format="wav"), folder / "a.wav", QuietRun())


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("会议在１０：３０开始", "会议在10:30开始"),
        ("长２．５㎏", "长2.5公斤"),
        ("共＄１００", "共100美元"),
        ("气温－５℃", "气温零下5摄氏度"),
        ("２０２４年１２月３１日", "2024年12月31日"),
        ("第③章", "第3章"),
        ("占½", "占二分之一"),
        ("Ａ座Ｂ室", "A座B室"),
        ("共३४个", "共34个"),
        ("<p>他&nbsp;来了</p>", "他 来了"),
        ("Then Dr. Fox left", "Then Doctor Fox left"),
        ("They met Mrs. Fox", "They met Missis Fox"),
    ],
)
def test_what_is_written_in_another_way_is_spoken_as_its_plain_form(
    speaker: OfflineSpeaker, tmp_path: Path, written: str, same: str
) -> None:
    assert say(speaker, tmp_path, written).seconds == pytest.approx(say(speaker, tmp_path, same).seconds, abs=0.06)


@pytest.mark.parametrize("sign", "‰€£×÷±≈≤°℉⅔¾Ⅻ⑳㈠㎝㎞²＆＠∞√＄")
def test_a_sign_is_heard_or_told(speaker: OfflineSpeaker, tmp_path: Path, sign: str) -> None:
    spoken = say(speaker, tmp_path, f"他说5{sign}好")
    assert spoken.seconds > say(speaker, tmp_path, "他说5 好").seconds + 0.08 or any(
        sign in one for one in spoken.unread
    )


@pytest.mark.parametrize("word", ["𝟙𝟚", "३४", "𝐖𝐞𝐥𝐭", "𓀀𓂀", "ᚠᚢᚦ"])
def test_what_is_not_spoken_is_told(speaker: OfflineSpeaker, tmp_path: Path, word: str) -> None:
    spoken = say(speaker, tmp_path, f"他说{word}，然后走了。")
    longer = spoken.seconds > say(speaker, tmp_path, "他说，然后走了。").seconds + 0.1
    assert longer != bool(spoken.unread)
