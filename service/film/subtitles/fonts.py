"""Where the subtitles' font is. FFmpeg's and Pillow's own search would find none on a bare machine, or one without Chinese."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from PIL import ImageFont

from service.film.errors import FilmError

FONT_PACKAGE = "noto_cjk_sans_otc"
# For players of the ASS file: of the families in Noto's collection, the Simplified one.
FONT_FAMILY = "Noto Sans CJK SC"
_FAMILIES = {"zh-Hans": "SC", "ja": "JP", "ko": "KR"}


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


def usable_font(configured: Path | None = None) -> Path:
    """`font_file`, read once. Raises FilmError also where it is no font."""
    file = font_file(configured)
    try:
        ImageFont.truetype(file)
    except OSError as error:
        raise FilmError("subtitles", f"字体无法读取: {file} ({error})") from error
    return file
