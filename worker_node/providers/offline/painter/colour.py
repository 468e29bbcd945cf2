"""Colours as float RGB in 0 to 1, and the palettes of the hours."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Colour = Array
"""Shape (3,)."""

NAMED = {
    "red": "#c8483f", "orange": "#d98b45", "yellow": "#e0b25a", "green": "#4c8a6a", "blue": "#3f6fa8", "purple": "#8a5a9c",
    "pink": "#dd8fa6", "white": "#f1ede6", "black": "#34343c", "grey": "#8b8f98", "brown": "#8a5634",
}  # fmt: skip
"""What the lexicon's colours look like on things."""

GREY = np.array([0.299, 0.587, 0.114], np.float32)


def rgb(code: str) -> Colour:
    """A colour from "#rrggbb"."""
    return np.array([int(code[at : at + 2], 16) / 255 for at in (1, 3, 5)], np.float32)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` 0 is the first colour, 1 the second."""
    return (first * (1 - share) + second * share).astype(np.float32)


def shifted(colour: Colour, *, hue: float = 0.0, saturation: float = 1.0, value: float = 1.0) -> Colour:
    """The colour with its hue turned (in turns) and its saturation and value multiplied."""
    h, s, v = colorsys.rgb_to_hsv(*(float(each) for each in np.clip(colour, 0, 1)))
    return np.array(colorsys.hsv_to_rgb((h + hue) % 1, min(1, s * saturation), min(1, v * value)), np.float32)


@dataclass(frozen=True)
class Palette:
    """The light of a scene: the sky from zenith to horizon, what far things fade into, what light falls on near ones."""

    top: Colour
    middle: Colour
    horizon: Colour
    ambient: Colour
    cloud: Colour
    glow: Colour

    @property
    def haze(self) -> Colour:
        """Far things take this colour."""
        return mix(self.horizon, self.middle, 0.35)

    def lit(self, colour: Colour, depth: float = 0.0) -> Colour:
        """A thing's own colour as it looks in this light; `depth` 0 is near, 1 lost in the haze."""
        return mix(np.clip(colour * self.ambient, 0, 1).astype(np.float32), self.haze, depth)


def _palette(sky: str, ambient: tuple[float, float, float]) -> Palette:
    top, middle, horizon, cloud, glow = map(rgb, sky.split())
    return Palette(top, middle, horizon, np.array(ambient, np.float32), cloud, glow)


# zenith, middle, horizon, clouds, sun or moon; then what light falls on things
HOURS: dict[str, list[Palette]] = {
    "dawn": [
        _palette("#5f78b4 #d9a7b4 #ffe0b0 #f7c9bd #fff0c8", (0.98, 0.88, 0.84)),
        _palette("#47679c #b9b2cf #ffcfae #e6c3c6 #ffe6c0", (0.94, 0.86, 0.88)),
    ],
    "day": [
        _palette("#3f82c4 #8fc4e8 #e9f3ea #ffffff #fffbe0", (1.0, 1.0, 0.97)),
        _palette("#4a9bc9 #a3d5e3 #f6f0d9 #fffaf0 #fff6d0", (1.02, 1.0, 0.94)),
    ],
    "dusk": [
        _palette("#2f3270 #b8577a #ffb766 #e5846f #ffdf9a", (0.90, 0.66, 0.60)),
        _palette("#3b2f63 #c9655a #ffcf7d #d9705f #ffe6a6", (0.92, 0.70, 0.56)),
    ],
    "night": [
        _palette("#060b24 #15295a #3d5a8c #2c3f6b #f4f1d8", (0.34, 0.42, 0.62)),
        _palette("#0a0a26 #231f56 #574f8a #37376b #f7efd6", (0.36, 0.38, 0.60)),
    ],
}

MOODS = {
    "joyful": (0.0, 1.18, 1.03),
    "warm": (-0.012, 1.08, 1.02),
    "sad": (0.015, 0.68, 0.92),
    "tense": (0.0, 0.92, 0.84),
    "mysterious": (0.035, 1.05, 0.9),
    "heroic": (-0.006, 1.15, 1.0),
    "calm": (0.0, 0.96, 1.0),
}


def toned(palette: Palette, *, hue: float, saturation: float, value: float) -> Palette:
    """Every colour of the palette shifted alike."""
    changed = {
        name: shifted(getattr(palette, name), hue=hue, saturation=saturation, value=value)
        for name in ("top", "middle", "horizon", "cloud", "glow")
    }
    return replace(palette, ambient=(palette.ambient * value).astype(np.float32), **changed)


def overcast(palette: Palette, strength: float, darkness: float) -> Palette:
    """The palette under clouds: greyer by `strength`, darker by `darkness`."""

    def grey(colour: Colour) -> Colour:
        level = float(colour @ GREY)
        slate = np.array([level * 0.95, level * 1.0, level * 1.07], np.float32)
        return (mix(colour, slate, strength) * (1 - darkness)).astype(np.float32)

    names = ("top", "middle", "horizon", "cloud", "ambient")
    return replace(palette, **{name: grey(getattr(palette, name)) for name in names})
