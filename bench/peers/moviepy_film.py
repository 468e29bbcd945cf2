"""`python moviepy_film.py PLAN.json`: the same film made with MoviePy 2, by its own environment's interpreter; imports nothing of ours.

The plan: `size`, `fps`, `preset` ("" for MoviePy's own), `threads`, `font`, `font_size`, `duration` (s), `output`; `shots`, each with
`image`, `start` (s), `boxes` (per frame: left, top, right, bottom in image pixels), `fade` (s, crossfade in), `narration`,
`speech_start` (s); `cues`, each with `start`, `end` (s) and `text`.
Prints one JSON line: the seconds of wall and processor time without the imports.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from moviepy import AudioFileClip, CompositeAudioClip, CompositeVideoClip, TextClip, VideoClip, vfx
from PIL import Image


def ken_burns(shot: dict[str, Any], size: tuple[int, int], fps: int) -> Any:
    """An image under a camera move, the way MoviePy's users write it: Pillow cuts and resizes a box of the image for every frame."""
    image = Image.open(shot["picture"]).convert("RGB")
    width, height = image.size
    # Rounding may put an edge a trifle outside of the image, which Pillow refuses.
    boxes = [(max(0, a), max(0, b), min(width, c), min(height, d)) for a, b, c, d in shot["boxes"]]

    def frame(t: float) -> Any:
        box = boxes[min(len(boxes) - 1, round(t * fps))]
        return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box))

    clip = VideoClip(frame, duration=len(boxes) / fps).with_start(shot["start"])
    return clip.with_effects([vfx.CrossFadeIn(shot["fade"])]) if shot["fade"] else clip


def subtitle(cue: dict[str, Any], plan: dict[str, Any]) -> Any:
    """A cue at the foot of the frame."""
    text = TextClip(
        font=plan["font"],
        text=cue["text"],
        font_size=plan["font_size"],
        color="white",
        stroke_color="black",
        stroke_width=2,
        method="label",
        margin=(8, 8),
    )
    top = plan["size"][1] * 0.94 - text.h
    return text.with_start(cue["start"]).with_duration(cue["end"] - cue["start"]).with_position(("center", int(top)))


def main(plan: dict[str, Any]) -> None:
    """Make the film."""
    size, fps = tuple(plan["size"]), plan["fps"]
    clips = [ken_burns(shot, size, fps) for shot in plan["shots"]]
    clips += [subtitle(cue, plan) for cue in plan["cues"]]
    sounds = [AudioFileClip(s["narration"]).with_start(s["speech_start"]) for s in plan["shots"] if s["narration"]]
    film = CompositeVideoClip(clips, size=size).with_duration(plan["duration"])
    film = film.with_audio(CompositeAudioClip(sounds).with_duration(plan["duration"]))
    options = {"preset": plan["preset"]} if plan["preset"] else {}
    film.write_videofile(
        plan["output"], fps=fps, codec="libx264", audio_codec="aac", threads=plan["threads"], logger=None, **options
    )
    film.close()


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    wall, before = time.monotonic(), os.times()
    main(given)
    after = os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    print(json.dumps({"wall": time.monotonic() - wall, "cpu": cpu}))
