"""Where the subtitles' font is, and which of its faces a story's language wants.

FFmpeg's and Pillow's own search would find no font on a bare machine, or one without Chinese.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from PIL import ImageFont

from service.film.errors import FilmError

FONT_PACKAGE = "noto_cjk_sans_otc"
SIMPLIFIED, TRADITIONAL, JAPANESE, KOREAN = "zh-Hans", "zh-Hant", "ja", "ko"
_FAMILIES = {SIMPLIFIED: "SC", TRADITIONAL: "TC", JAPANESE: "JP", KOREAN: "KR"}
_KANA_SHARE = 0.15  # of kana and Han together; Japanese has more of them, Chinese with a の in a name less


def font_file(configured: Path | None = None) -> Path:
    """The configured font, or the Noto Sans CJK that pip brought. Raises FilmError when the file is not there."""
    if configured is not None:
        if not configured.is_file():
            raise FilmError("subtitles", f"找不到字体文件: {configured}")
        return configured
    package = find_spec(FONT_PACKAGE)
    for folder in (package.submodule_search_locations or []) if package else []:
        for file in sorted(Path(folder).glob("*.[ot]t[fc]")):
            return file
    raise FilmError("subtitles", f"找不到字幕字体: 请安装 {FONT_PACKAGE}，或设置 film.font")


@lru_cache
def face_of(file: Path, language: str) -> int:
    """Which face of a collection has a language's forms of Han characters; 0 where there is none, or but one face."""
    with suppress(OSError):  # behind the last one
        for face in count():
            if str(ImageFont.truetype(file, index=face).getname()[0]).endswith(f" {_FAMILIES[language]}"):
                return face
    return 0


def font_family(language: str) -> str:
    """For players of the ASS file: which of the families in Noto's collection has the language's forms."""
    return f"Noto Sans CJK {_FAMILIES[language]}"


def language_of(story: str) -> str:
    """Whose forms of Han characters a whole story wants. One line does not tell: a Japanese one may well be of Han characters alone.

    Kana and hangul give theirs away. Else the characters count that only one of the countries' old character sets has: 们 is in GB 2312
    and not in Big5, 們 the other way round, 駅 in neither but in Shift JIS.
    """
    characters = Counter(story)
    kana = sum(count for char, count in characters.items() if "\u3041" <= char <= "\u30ff" and char not in "・ー")
    hangul = sum(
        count for char, count in characters.items() if "\uac00" <= char <= "\ud7a3" or "\u1100" <= char <= "\u11ff"
    )
    han = {char: count for char, count in characters.items() if "\u3400" <= char <= "\u9fff"}
    total = sum(han.values())
    if hangul > max(kana, total / 4):
        return KOREAN
    not_japanese = sum(count for char, count in han.items() if not _is_in(char, "shift_jis"))
    if kana > not_japanese and kana >= _KANA_SHARE * (kana + total):
        return JAPANESE
    only_japanese = [char for char in han if not _is_in(char, "gb2312") and not _is_in(char, "big5")]
    if only_japanese and not not_japanese:
        return JAPANESE
    simplified = sum(count for char, count in han.items() if _is_in(char, "gb2312") and not _is_in(char, "big5"))
    traditional = sum(count for char, count in han.items() if _is_in(char, "big5") and not _is_in(char, "gb2312"))
    return TRADITIONAL if traditional > simplified else SIMPLIFIED


def _is_in(char: str, character_set: str) -> bool:
    try:
        char.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


def usable_font(configured: Path | None = None) -> Path:
    """`font_file`, read once. Raises FilmError also where it is no font."""
    file = font_file(configured)
    try:
        ImageFont.truetype(file)
    except OSError as error:
        raise FilmError("subtitles", f"字体无法读取: {file} ({error})") from error
    return file
