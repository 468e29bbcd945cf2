"""Which sizes images and clips may have: what is larger or narrower is no picture of a shot, and costs memory."""

from __future__ import annotations

from service.film.errors import UnusableMedia

MAX_SIDE = 30_000  # pixels
MAX_ASPECT = 20  # the longer side, in shorter ones


def check_size(what: str, width: int, height: int, max_pixels: int) -> None:
    """Raise UnusableMedia, naming the limit, for a size that cannot be used; `what` is what has it, in Chinese."""
    if min(width, height) < 1:
        raise UnusableMedia(f"{what}是空的")
    if width * height > max_pixels:
        raise UnusableMedia(f"{what}太大：{width}×{height}，上限 {max_pixels // 1_000_000} 百万像素")
    if max(width, height) > MAX_SIDE:
        raise UnusableMedia(f"{what}太大：{width}×{height}，每边最多 {MAX_SIDE} 像素")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise UnusableMedia(f"{what}太窄：{width}×{height}，长边最多是短边的 {MAX_ASPECT} 倍")
