"""How near a film's frames are to the ideal ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from PIL import Image

from bench.contenders import Sight
from bench.ideal import LUMA_601, LUMA_709, ideal_luma, ssim

PER_SHOT = 4  # frames that are looked at
SHOWN = 0.72  # of the height: below, there are subtitles


def film_ssim(film: Path, sights: Sequence[Sight], weights: tuple[float, float, float]) -> float:
    """Mean SSIM of the frames' luma, above the subtitles and outside of crossfades. `weights` are the luma's of the film's colours."""
    wanted: dict[int, Sight] = {}
    for sight, after in zip(sights, [*sights[1:], None], strict=True):
        end = sight.first + len(sight.boxes) - (after.fade if after else 0)
        for frame in np.linspace(sight.first + sight.fade, end - 1, PER_SHOT).round().astype(int):
            wanted[int(frame)] = sight
    values = []
    with av.open(str(film)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number not in wanted:
                continue
            sight = wanted[number]
            luma = frame.reformat(format="gray" if frame.format.name == "gray" else "yuv420p").to_ndarray()[
                : frame.height
            ]
            rgb = np.asarray(Image.open(sight.image).convert("RGB"))
            ideal = ideal_luma(rgb, sight.boxes[number - sight.first], (frame.width, frame.height), weights)
            rows = int(frame.height * SHOWN)
            values.append(ssim(luma[:rows].astype(np.float32), ideal[:rows]))
    if len(values) != len(wanted):
        raise ValueError(f"{film.name} holds {len(values)} of the {len(wanted)} frames that are looked at")
    return float(np.mean(values))


def best_ssim(film: Path, sights: Sequence[Sight]) -> float:
    """The better of the two colour matrices: a film that does not tell its own is given the benefit of the doubt."""
    return max(film_ssim(film, sights, weights) for weights in (LUMA_601, LUMA_709))
