"""i2v "comfyui": a workflow that makes a clip of a picture: a video file, an animated picture, or its frames one by one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageSequence

from worker_node.errors import BrokenAnswer
from worker_node.providers.base import ClipRequest, JobRun, Made
from worker_node.providers.clip_check import MAX_FRAMES, MAX_SIDE
from worker_node.providers.comfyui.history import STILL, File
from worker_node.providers.comfyui.provider import ComfyProvider
from worker_node.providers.comfyui.running import fetched
from worker_node.providers.deadline import Deadline
from worker_node.providers.picture_check import fitted, opened_picture
from worker_node.providers.prompting import NOTHING
from worker_node.providers.settings import ProviderSettings

EXAMPLE = "svd.json"
SIZES = ((1024, 576), (576, 1024), (768, 768), (896, 672), (672, 896))
"""What SVD makes well."""
VIDEO, ANIMATED = (".mp4", ".webm", ".mov", ".mkv"), (".webp", ".gif", ".apng")
USUAL_MS = 125  # that a frame of an animation is shown where it does not say


class ComfyAnimator(ComfyProvider):
    """See `ComfyProvider`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, EXAMPLE, SIZES)

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> Made:
        """See `Animator.animate`."""
        deadline = self._jobs.deadline(run)
        size, asked = self._jobs.size((request.width, request.height))
        prompt, image = request.prompt.strip() or NOTHING, self._input(request.image, size, deadline)
        files, model, seed = self._run(request, prompt, size, run, deadline, image)
        self._write(files, request.fps, target, deadline)
        run.used(seconds=request.seconds)
        return Made(model, seed, prompt, asked)

    def _input(self, image: Path, size: tuple[int, int], deadline: Deadline) -> str:
        out = io.BytesIO()
        fitted(opened_picture(image), size).save(out, "PNG", compress_level=2)
        content = out.getvalue()
        name = f"storytovideo-{hashlib.sha256(content).hexdigest()[:24]}.png"
        return self._jobs.client.upload(name, content, deadline)

    def _write(self, files: tuple[File, ...], fps: int, target: Path, deadline: Deadline) -> None:
        video = next((file for file in files if file.ending in VIDEO), None)
        moving = next((file for file in files if file.ending in ANIMATED), None)
        stills = [file for file in files if file.ending in STILL]
        if video is not None:
            target.write_bytes(self._content(video, deadline))
        elif moving is not None:
            write_animation(self._content(moving, deadline), target)
        elif stills:
            _encode((_opened(self._content(file, deadline)) for file in stills), Fraction(fps), target)
        else:
            raise BrokenAnswer("ComfyUI 的输出里没有视频")

    def _content(self, file: File, deadline: Deadline) -> bytes:
        return fetched(lambda: self._jobs.client.file(file, deadline))


def _opened(content: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BrokenAnswer(f"视频的一帧打不开（{type(error).__name__}）") from error
    return image


def write_animation(content: bytes, target: Path) -> None:
    """An animated WebP or GIF as a clip; raises `BrokenAnswer` for what is none, or was cut off."""
    try:
        with Image.open(io.BytesIO(content), formats=("WEBP", "GIF", "PNG")) as image:
            image.load()  # it knows how long a frame is shown only then
            shown = image.info.get("duration") or USUAL_MS
            _encode(ImageSequence.Iterator(image), Fraction(1000) / Fraction(shown).limit_denominator(1000), target)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise BrokenAnswer(f"视频打不开或不完整（{type(error).__name__}）") from error


def _encode(frames: Iterator[Image.Image], rate: Fraction, target: Path) -> None:
    with av.open(str(target), "w", format="mp4") as film:
        stream = None
        for number, image in enumerate(frames):
            if number >= MAX_FRAMES or max(image.size) > MAX_SIDE:
                raise BrokenAnswer("视频过长或过大")
            if stream is None:
                stream = film.add_stream("libx264", rate=rate)
                stream.options = {"preset": "veryfast", "crf": "14", "threads": "1"}
                stream.width, stream.height = image.width // 2 * 2, image.height // 2 * 2
                stream.pix_fmt, stream.time_base = "yuv420p", 1 / rate
            picture = fitted(image.convert("RGB"), (stream.width, stream.height))
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            film.mux(stream.encode(frame))
        if stream is not None:
            film.mux(stream.encode(None))
