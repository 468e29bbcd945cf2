"""What a piece of music's title and tags have in common with the words that a storyboard has for its music."""

from __future__ import annotations

import re

# Storyboards and titles name moods in either language, each with words of its own; the first word of a row stands for all of it.
_MOODS = (
    "calm peaceful quiet gentle soft relaxing serene soothing ambient slow 平静 宁静 舒缓 安静 轻柔 柔和 安详 悠扬 平和 恬静",
    "joyful happy cheerful bright upbeat playful lively fun merry 欢乐 欢快 快乐 轻快 愉快 活泼 喜悦 开心 喜庆 俏皮",
    "sad wistful melancholy sorrowful lonely tearful mournful 忧伤 悲伤 伤感 哀伤 忧郁 凄美 孤独 惆怅",
    "tense suspense suspenseful thriller urgent dark scary horror danger 紧张 悬疑 惊悚 恐怖 急促 危险 阴暗 压抑",
    "mysterious mystery magical dreamy fantasy enchanted ethereal 神秘 奇幻 梦幻 魔幻 空灵 诡异",
    "heroic epic grand triumphant adventure inspiring powerful 昂扬 史诗 宏大 激昂 壮丽 磅礴 冒险 热血 励志 豪迈",
    "warm tender cosy cozy romantic love sweet touching heartwarming 温馨 温暖 浪漫 温情 甜蜜 感人 治愈",
    "piano 钢琴",
    "guitar 吉他",
    "strings violin cello 弦乐 小提琴 大提琴",
    "flute 笛子 长笛 竹笛",
    "guzheng zither 古筝 古琴",
    "orchestra orchestral symphony 管弦乐 交响乐 交响",
    "electronic synth 电子",
    "folk 民谣 民乐 民族",
)
# They say that it is music, which all of it is.
_EMPTY = "a an and background bgm in mood music of piece song sound soundtrack the track with 背景音乐 背景 音乐 配乐 乐曲 风格 氛围"

_NAMES = {word: row.split()[0] for row in _MOODS for word in row.split()} | dict.fromkeys(_EMPTY.split(), "")
_CHINESE = sorted((word for word in _NAMES if not word.isascii()), key=len, reverse=True)


def terms(text: str) -> set[str]:
    """What a text says: moods and instruments under one name in both languages, its other Latin words, pairs of its Chinese characters.

    Pairs stand in for words, which Chinese does not part.
    """
    rest = text.lower()
    found = {_NAMES.get(word, word) for word in re.findall(r"[a-z0-9]+", rest)}
    for word in _CHINESE:
        if word in rest:
            found.add(_NAMES[word])
            rest = rest.replace(word, " ")
    for run in re.findall(r"[\u4e00-\u9fff]+", rest):
        found.update(run[at : at + 2] for at in range(len(run) - 1))
    return found - {""}
