"""A clip by any provider: looked at, made once more where it is wrong, cut to the size that was asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from worker_node.errors import BrokenAnswer, ProviderError
from worker_node.providers.base import Animator, ClipRequest, JobRun, Made
from worker_node.providers.clip_check import ClipFacts, clip_fault, looked_at
from worker_node.providers.picture_check import blankness, fitted, opened_picture
from worker_node.second_try import once_more

QUALITY = {"preset": "veryfast", "threads": "1", "crf": "17"}


def animate(provider: Animator, request: ClipRequest, target: Path, run: JobRun) -> tuple[Made, ClipFacts]:
    """Write an H.264 MP4 without sound of the request's size, and say how it was made and what it is; raises `ProviderError`."""
    try:
        of_nothing = bool(blankness(opened_picture(request.image)))
    except BrokenAnswer as error:
        raise ProviderError(f"图片无法读取：{error}") from error

    def make(attempt: JobRun, seed: int | None) -> tuple[Made, ClipFacts]:
        raw = target.with_suffix(".raw")
        raw.unlink(missing_ok=True)
        made = provider.animate(replace(request, seed=seed), raw, attempt) or Made()
        if not raw.is_file() or not raw.stat().st_size:
            raise BrokenAnswer("模型没有生成文件")
        facts = looked_at(raw)
        size = (request.width, request.height)
        still = round(request.seconds * request.fps) < 2
        fault = clip_fault(facts, size, made.asked, made.seconds, of_nothing=of_nothing, still=still)
        if fault:
            raise BrokenAnswer(fault)
        if facts.plain and facts.size == size:
            raw.replace(target)
        else:
            _encode(raw, target, facts, request)
            raw.unlink()
        seed = seed if made.seed is None else made.seed
        return made._replace(seed=seed, prompt=made.prompt or request.prompt), facts._replace(size=size)

    return once_more(run, request.seed, make)


def _encode(raw: Path, target: Path, facts: ClipFacts, request: ClipRequest) -> None:
    """The same frames at the wanted size, at the clip's own rate."""
    with (
        av.open(str(raw), metadata_errors="ignore") as source,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as film,
    ):
        stream = film.add_stream("libx264", rate=facts.rate)
        stream.width, stream.height, stream.pix_fmt = request.width, request.height, "yuv420p"
        stream.options = dict(QUALITY)
        stream.time_base = 1 / facts.rate
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
        context.color_range = 1
        for number, frame in enumerate(source.decode(video=0)):
            image = fitted(Image.fromarray(frame.to_ndarray(format="rgb24")), (request.width, request.height))
            cut = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24").reformat(
                format="yuv420p", dst_colorspace=1
            )
            cut.pts, cut.time_base = number, Fraction(1) / facts.rate
            film.mux(stream.encode(cut))
        film.mux(stream.encode(None))
