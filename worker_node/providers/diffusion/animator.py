"""i2v "diffusers": Stable Video Diffusion, which sets a picture in motion for two to four seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from worker_node.providers.base import ClipRequest, JobRun, Made
from worker_node.providers.diffusion.models import Loaded, Models
from worker_node.providers.diffusion.painter import as_image
from worker_node.providers.diffusion.sampling import Size, each_step, generators, nearest_size
from worker_node.providers.offline.animator import load_image
from worker_node.providers.registry import DEFAULT_MODELS
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import STOPPING

MODEL = DEFAULT_MODELS["i2v"]["diffusers"]
AREA = 1024 * 576  # pixels that it was trained on
MODEL_FPS = 7
USUAL_STEPS, USUAL_FRAMES = 25, 14
SLOWEST = 2.0  # times as long as it was made for: beyond that a clip goes back and forth
SMALLEST = 256  # pixels: a model whose own side is smaller makes its own size only

Frame = NDArray[np.uint8]


class DiffusersAnimator:
    """One model on one device, loaded with the first job."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._models = Models(settings, "StableVideoDiffusionPipeline", MODEL)

    def models(self) -> list[str]:
        """The loaded model and its device."""
        return self._models.describe()

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> Made:
        """See `Animator.animate`. The frames are stretched over the clip's time; the prompt is not the model's to read."""
        run.report(2, "正在载入模型")
        model = self._models.get(request.model)
        seed = drawn_seed(run.key) if request.seed is None else request.seed
        size = _size_of(model, (request.width, request.height))
        picture = ImageOps.fit(Image.fromarray(load_image(request.image)), size, Image.Resampling.LANCZOS)
        count = _frames_of(model)
        with STOPPING.steps():
            frames = model.memory.run(count, lambda chunk: self._sample(model, picture, request, seed, chunk, run))
        run.report(90, "正在编码视频")
        total = max(1, round(request.seconds * request.fps))
        write_clip(
            target, (frame_at(frames, at) for at in positions(len(frames), total, request.fps)), size, request.fps
        )
        run.used(seconds=total / request.fps)
        return Made(model.name, seed, "", size, total / request.fps)

    def _sample(
        self, model: Loaded, picture: Image.Image, request: ClipRequest, seed: int, chunk: int, run: JobRun
    ) -> list[Frame]:
        answer = model.call(
            {
                "image": picture,
                "width": picture.width,
                "height": picture.height,
                "num_frames": _frames_of(model),
                "fps": MODEL_FPS,
                "num_inference_steps": request.steps or USUAL_STEPS,
                "max_guidance_scale": request.cfg_scale,
                "decode_chunk_size": chunk,
                "generator": generators([seed])[0],
                "callback_on_step_end": each_step(run, "正在生成画面"),
                "output_type": "np",
            },
            self._settings.extra,
        )
        return [np.asarray(as_image(frame)) for frame in answer.frames[0]]


def _frames_of(model: Loaded) -> int:
    return int(getattr(model.pipeline.unet.config, "num_frames", USUAL_FRAMES))


def _size_of(model: Loaded, wanted: Size) -> Size:
    """About the area that the model knows, in the clip's shape."""
    side = int(model.pipeline.unet.config.sample_size) * int(model.pipeline.vae_scale_factor)
    return nearest_size(wanted, AREA, 64) if side >= SMALLEST else nearest_size(wanted, side * side, 8)


def positions(made: int, total: int, fps: int) -> list[float]:
    """For each of `total` frames of the clip the place among the `made` ones, 0 to made - 1: once through at most at half the speed,
    in a longer clip back and forth at the model's own."""
    end = made - 1.0
    if total / fps <= SLOWEST * made / MODEL_FPS:
        return [end * number / max(1, total - 1) for number in range(total)]
    travelled = (number / fps * MODEL_FPS % (2 * end) if end else 0.0 for number in range(total))
    return [at if at <= end else 2 * end - at for at in travelled]


def frame_at(frames: Sequence[Frame], at: float) -> Frame:
    """A frame, or of two neighbours one between them."""
    first = int(at)
    share = at - first
    if share < 1e-6 or first + 1 >= len(frames):
        return frames[first]
    mixed = frames[first] * (1 - share) + frames[first + 1] * share
    return np.asarray(mixed.round(), np.uint8)


def write_clip(target: Path, frames: Iterable[Frame], size: Size, fps: int) -> None:
    """An H.264 MP4 of these frames, of which no more than one is looked at at a time."""
    with av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "17"}
        stream.time_base = Fraction(1, fps)
        context: Any = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1  # BT.709
        context.color_range = 1
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace=1)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
