"""How Chinese characters are said: pinyin by their words, then the changes of tone that speech makes (三声、一、不、轻声、儿化)."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any

from worker_node.providers.kokoro.sounds import Sound, mark
from worker_node.providers.kokoro.syllables import symbols

if TYPE_CHECKING:
    from collections.abc import Callable


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_DIGITS = frozenset("零一二三四五六七八九")
_COUNTED = frozenset("零一二三四五六七八九十百千万亿两几数每这那半")
_DATED = frozenset("月日号")  # 一月, the first of months; but 一日千里 goes with them
_ENDS_IN_ONE = frozenset("统唯专单之第初周")  # 统一, 唯一, 第一, 星期一 by its own word
_BEFORE_MUST = frozenset("我你您他她它们咱也都还就总可必只又谁")  # 我得走了
_NEUTRAL = _pairs(
    """妈妈 爸爸 爷爷 奶奶 哥哥 姐姐 弟弟 妹妹 叔叔 舅舅 姑姑 婶婶 公公 婆婆 太太 宝宝 娃娃 星星 猩猩 东西 朋友 漂亮 知道 葡萄 眼睛 耳朵
    月亮 太阳 头发 衣服 先生 学生 告诉 喜欢 明白 舒服 清楚 事情 意思 时候 地方 姑娘 消息 力气 脑袋 嘴巴 尾巴 认识 休息 收拾 打听 商量
    故事 窗户 麻烦 热闹 暖和 聪明 老实 便宜 关系 客气 豆腐 萝卜 玻璃 石榴 骆驼 狐狸 蘑菇 钥匙 答应 咳嗽 哆嗦 高粱 胳膊 师傅 丈夫 大夫
    媳妇 亲戚 和尚 木匠 铁匠 裁缝 徒弟 云彩 石头 木头 骨头 舌头 馒头 枕头 锄头 里头 外头 前头 后头 念头 罐头 行李 笑话 招呼 动静 工夫
    功夫 精神 糊涂 可怜 厉害 结实 踏实 稀罕 干净 马虎 疙瘩 蛤蟆 喇叭 琵琶 灯笼 风筝 扫帚 簸箕 算盘 包袱 棉花 芝麻 核桃 樱桃 甘蔗 西瓜
    苍蝇 蚂蚱 刺猬 鸽子 称呼 吩咐 打算 打扮 打扫 琢磨 唠叨 嘟囔 嘀咕 打量 抱怨 埋怨 耽误 耽搁 折腾 应付 对付 拨弄 摆弄 比方 本事 差事
    把戏 福气 运气 脾气 口气 节气 秀才 状元 护士 丫头 闺女 儿子 日子 样子 屋子 主意 生意 买卖 街坊 衙门 牌楼 胭脂 首饰 被子 帘子"""
)  # whose second syllable has no tone, though the dictionary gives it one
_PARTICLES = frozenset("的了着过吗呢吧啊呀嘛么们")
_ALONE = frozenset(  # words of one character
    "的了着过吗呢吧啊呀嘛么地得在是和与跟同把被让给对从向往到于不没也都还就又再才只很太最更真好我你他她它您这那哪谁每各有要会能可想上下里外中前后去来说看"
    "走问道将而但或若如为之其此一二两三四五六七八九十百千万亿个只条座位张片家"
)
_FULL_ER = frozenset("女婴幼孤胎男健产少宠妻混")  # 女儿: a syllable of its own
_ER_BEGINS = frozenset("童子女孙媳科歌时")  # 儿童
_GROUND = frozenset("这那块片大土田天陆草满遍落此各本外内当两一在的")  # 地 after these is the ground


def is_said(character: str) -> bool:
    """Whether there is a reading for a Chinese character."""
    return bool(_pinyin(character)[0])


def is_han(character: str) -> bool:
    """Whether this is a Chinese character; kana are none."""
    return _HAN.match(character) is not None


def sounds(text: str) -> list[Sound]:
    """What is said of a text in Chinese characters and marks; others are passed over."""
    found: list[Sound] = []
    position = 0
    for han, group in groupby(text, is_han):
        stretch = "".join(group)
        if han:
            found += _characters(stretch, position)
        else:
            found += filter(None, (mark(sign, position + at) for at, sign in enumerate(stretch)))
        position += len(stretch)
    return found


def _characters(stretch: str, position: int) -> list[Sound]:
    spoken = syllables(stretch)
    begins = set(accumulate(map(len, words(stretch))))
    found = []
    for at, pinyin in enumerate(spoken):
        if at in begins:
            found.append(Sound(" ", position + at, position + at, pause=True))
        rhotic = spoken[at + 1 : at + 2] == ["r"]
        said = "ɚ" if pinyin == "r" else symbols(pinyin, rhotic)
        if said:
            found.append(Sound(said, position + at, position + at + 1))
    return found


def syllables(stretch: str) -> list[str]:
    """The pinyin of each of these Chinese characters as it is said, with the tone as a digit (5: neutral); "r" for a 儿 that only colours
    the syllable before it, "" where there is no reading."""
    spoken = _pinyin(stretch)
    known = _cutter()(stretch)
    starts = list(accumulate(map(len, known), initial=0))
    for start, word in zip(starts, known, strict=False):
        _by_place(stretch, spoken, start, word)
    for at in range(len(stretch) - 1):
        if stretch[at : at + 2] in _NEUTRAL:
            spoken[at + 1] = _toned(spoken[at + 1], 5)
    _rhotic(stretch, spoken)
    _third_tones(spoken, starts)
    for at, character in enumerate(stretch):
        if character == "不":
            spoken[at] = f"bu{_tone_of_not(stretch, spoken, at)}"
        elif character == "一":
            spoken[at] = f"yi{_tone_of_one(stretch, spoken, at)}"
    return spoken


def _by_place(stretch: str, spoken: list[str], start: int, word: str) -> None:
    """Words of one character whose reading depends on what stands around them."""
    before, after = stretch[start - 1 : start] if start else "", stretch[start + 1 : start + 2]
    if word == "地" and before and after and before not in _GROUND:
        spoken[start] = "de5"
    elif word == "得":
        spoken[start] = "dei3" if after and (not before or before in _BEFORE_MUST) else "de5"
    elif word == "只" and before in _COUNTED:
        spoken[start] = "zhi1"
    elif word == "大夫":
        spoken[start] = "dai4"


def _rhotic(stretch: str, spoken: list[str]) -> None:
    for at in range(1, len(stretch)):
        if (
            stretch[at] == "儿"
            and stretch[at - 1] not in _FULL_ER
            and stretch[at + 1 : at + 2] not in _ER_BEGINS
            and spoken[at - 1]
        ):
            spoken[at] = "r"


def _third_tones(spoken: list[str], starts: list[int]) -> None:
    """A third tone before another becomes the second: within a word, and from word to word where the next keeps its own."""
    for start, end in pairwise(starts):
        for at in range(start, end - 1):
            if _tone(spoken, at) == 3 and _tone(spoken, at + 1) == 3:
                spoken[at] = _toned(spoken[at], 2)
    for end in reversed(starts[1:-1]):
        if _tone(spoken, end - 1) == 3 and _tone(spoken, end) == 3:
            spoken[end - 1] = _toned(spoken[end - 1], 2)


def _tone_of_not(stretch: str, spoken: list[str], at: int) -> int:
    if 0 < at < len(stretch) - 1 and stretch[at - 1] == stretch[at + 1]:
        return 5  # 好不好
    return 2 if _tone(spoken, at + 1) == 4 else 4


def _tone_of_one(stretch: str, spoken: list[str], at: int) -> int:
    before, after = stretch[at - 1 : at] if at else "", stretch[at + 1 : at + 2]
    if before and before == after and before not in _DIGITS:
        return 5  # 看一看
    if (
        not after
        or before in _DIGITS
        or before in _ENDS_IN_ONE
        or before == "十"
        or after in _DIGITS
        or after in _DATED
    ):
        return 1
    if after == "个":
        return 2  # by itself 个 has the fourth tone
    return 2 if _tone(spoken, at + 1) == 4 else 4


def _tone(spoken: list[str], at: int) -> int:
    """The tone digit of a syllable; 0 where none is, and for the r that has none."""
    last = spoken[at][-1:] if at < len(spoken) else ""
    return int(last) if last.isdigit() else 0


def _toned(syllable: str, tone: int) -> str:
    return syllable.rstrip("12345") + str(tone) if syllable else ""


def _pinyin(stretch: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - needed only where this provider runs

    def unknown(characters: str) -> Any:  # one for each, though its types know of one for all
        return ["?"] * len(characters)

    found = lazy_pinyin(stretch, style=Style.TONE3, neutral_tone_with_five=True, errors=unknown)
    return ["" if syllable.startswith("?") else syllable for syllable in found]


def words(stretch: str) -> list[str]:
    """The words of a stretch, as far as the dictionary of readings knows them. Of single characters that it leaves, two that are no words
    by themselves make one, and a particle goes with what stands before it. The model was taught with a blank between words: without
    them a syllable without a tone runs into the next."""
    found: list[str] = []
    for word in _cutter()(stretch):
        before = found[-1] if found else ""
        single = len(word) == 1 and word not in _ALONE and len(before) == 1 and before not in _ALONE
        if before and (single or word in _PARTICLES or before[-1] + word in _NEUTRAL):
            found[-1] += word
        else:
            found.append(word)
    return found


@lru_cache(maxsize=1)
def _cutter() -> Callable[[str], list[str]]:
    from pypinyin.seg.mmseg import seg  # noqa: PLC0415 - as above

    return lambda stretch: list(seg.cut(stretch))
