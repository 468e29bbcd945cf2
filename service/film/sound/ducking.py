"""Music that makes room for speech: an envelope drawn ahead of time, since where speech will be is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.film.sound.loudness import Cells
from service.film.sound.speech import Span, join_near

ATTACK_S = 0.25  # ends where speech begins: the first word is as clear as the others
HOLD_S = 0.10
RELEASE_S = 0.60
# In a shorter gap the music would only gasp.
_BRIDGED_S = ATTACK_S + HOLD_S + RELEASE_S


def duck_gains(speech: Sequence[Span], duck_db: float, cells: int) -> Cells:
    """Factors at the edges of `cells` milliseconds (one more than cells): 1, and `duck_db` under every span of speech (seconds)."""
    depth = np.zeros(cells + 1)
    for start, end in join_near(list(speech), _BRIDGED_S):
        # Only the stretch that the span touches is drawn: a long film has many spans.
        low = max(0, int((start - ATTACK_S) * 1000) - 1)
        high = min(cells + 1, int((end + HOLD_S + RELEASE_S) * 1000) + 2)
        at = np.arange(low, high) / 1000
        ramp = np.minimum((at - (start - ATTACK_S)) / ATTACK_S, (end + HOLD_S + RELEASE_S - at) / RELEASE_S)
        # A raised cosine has no corner that an ear could hear.
        eased = 0.5 - 0.5 * np.cos(np.pi * np.clip(ramp, 0, 1))
        depth[low:high] = np.maximum(depth[low:high], eased)
    return np.asarray(10 ** (duck_db * depth / 20))


def fade_gains(fade_in_s: float, fade_out_s: float, cells: int) -> Cells:
    """Factors at the edges of `cells` milliseconds for a fade in at the start and a fade out at the end."""
    at = np.arange(cells + 1) / 1000
    rise = np.clip(at / max(fade_in_s, 1e-3), 0, 1)
    fall = np.clip((at[-1] - at) / max(fade_out_s, 1e-3), 0, 1)
    return np.asarray(np.sin(np.pi / 2 * rise) * np.sin(np.pi / 2 * fall))
