"""A picture by any provider: looked at, made once more where it is wrong, cut to the size that was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from worker_node.errors import BrokenAnswer
from worker_node.providers.base import ImageRequest, JobRun, Made, Painter
from worker_node.providers.picture_check import fitted, opened_picture, picture_fault
from worker_node.second_try import once_more


def paint(provider: Painter, request: ImageRequest, target: Path, run: JobRun) -> Made:
    """Write a PNG of the request's size, and say how it was made; raises `ProviderError`."""

    def make(attempt: JobRun, seed: int | None) -> Made:
        raw = target.with_suffix(".raw")
        raw.unlink(missing_ok=True)
        made = provider.paint(replace(request, seed=seed), raw, attempt) or Made()
        if not raw.is_file() or not raw.stat().st_size:
            raise BrokenAnswer("模型没有生成文件")
        _cut_to_shape(raw, target, request, made)
        return made._replace(seed=seed if made.seed is None else made.seed, prompt=made.prompt or request.prompt)

    return once_more(run, request.seed, make)


def _cut_to_shape(raw: Path, target: Path, request: ImageRequest, made: Made) -> None:
    size = (request.width, request.height)
    image = opened_picture(raw)
    fault = picture_fault(image, size, made.asked)
    if fault:
        raise BrokenAnswer(fault)
    if _is_png(raw, size):
        raw.replace(target)
        return
    fitted(image, size).save(target, format="PNG", compress_level=2)
    raw.unlink()


def _is_png(path: Path, size: tuple[int, int]) -> bool:
    with Image.open(path) as image:
        return (image.format, image.mode, image.size) == ("PNG", "RGB", size)
