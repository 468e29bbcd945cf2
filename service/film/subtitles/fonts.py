"""Where the subtitles' font is. FFmpeg's and Pillow's own search would find none on a bare machine, or one without Chinese."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

from service.film.errors import FilmError

FONT_PACKAGE = "cvttf_NotoSansCJK_Regular"
# For players of the ASS file: of the families in Noto's collection, the Simplified one.
FONT_FAMILY = "Noto Sans CJK SC"


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


def usable_font(configured: Path | None = None) -> Path:
    """`font_file`, read once. Raises FilmError also where it is no font."""
    file = font_file(configured)
    try:
        ImageFont.truetype(file)
    except OSError as error:
        raise FilmError("subtitles", f"字体无法读取: {file} ({error})") from error
    return file
