"""Random stories for property-based tests: Chinese, English, mixed, with emoji, without punctuation, in very long sentences."""

from __future__ import annotations

from hypothesis import strategies as st

HAN = "他她走进森林里看见一只橘色的猫坐在河边听风声夜晚月亮升起来小船慢慢靠了岸老人笑着说话孩子跑过桥的了在不是"
LATIN_WORDS = [
    "the",
    "cat",
    "Mia",
    "walked",
    "to",
    "a",
    "river",
    "at",
    "night",
    "and",
    "saw",
    "rain",
    "it's",
    "Dr.",
    "U.S.",
    "3.14",
]
MARKS = [
    "。",
    "！",
    "？",
    "，",
    "；",
    "……",
    "：“",
    "”",
    "——",
    ". ",
    "! ",
    "? ",
    ", ",
    "...",
    '"',
    "(",
    ")",
    "\n",
    "\n\n",
]
EMOJI = ("😀", "👩‍👧", "🏮", "🇨🇳", "✨", "e\u0301", "\U00020000")

chinese = st.text(HAN, min_size=1, max_size=40)
english = st.lists(st.sampled_from(LATIN_WORDS), min_size=1, max_size=14).map(" ".join)
piece = st.one_of(chinese, english, st.sampled_from(MARKS), st.sampled_from(EMOJI), st.just(" "))
mixed = st.lists(piece, min_size=1, max_size=60).map("".join)
unpunctuated = st.one_of(
    st.text(HAN, min_size=1, max_size=600), st.lists(st.sampled_from(LATIN_WORDS[:8]), max_size=200).map(" ".join)
)
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
stories = st.one_of(mixed, unpunctuated, anything).filter(lambda story: bool(story.strip()))

sentence_zh = st.text(HAN, min_size=4, max_size=24).map(lambda text: text + "。")
sentence_en = st.lists(st.sampled_from(LATIN_WORDS[:8]), min_size=3, max_size=12).map(
    lambda words: " ".join(["Then", *words]) + ". "
)
sentence_lists = st.lists(st.one_of(sentence_zh, sentence_en), min_size=1, max_size=80)
