"""The places: how each is painted, and where in it things stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worker_node.providers.offline.painter import town, wild
from worker_node.providers.offline.painter.land import Land


@dataclass(frozen=True)
class Ground:
    """A place. `horizon` is where sky and land meet, `near` where near feet stand, `far` the foot of far things, `water` where what
    swims does, None where there is none: heights of the composition (`Canvas.level`), 0 at the top."""

    paint: Callable[[Land], None]
    horizon: float
    near: float = 0.92
    far: float = 0.72
    water: float | None = None


GROUNDS = {
    "sea": Ground(wild.sea, 0.56, 0.95, 0.66, 0.74),
    "river": Ground(wild.river, 0.5, 0.95, 0.66, 0.76),
    "mountain": Ground(wild.mountain, 0.58, 0.93, 0.74),
    "forest": Ground(wild.forest, 0.62, 0.93, 0.8),
    "field": Ground(wild.field, 0.6, 0.93, 0.72),
    "city": Ground(town.city, 0.72, 0.95, 0.82),
    "village": Ground(town.village, 0.58, 0.94, 0.74),
    "desert": Ground(wild.desert, 0.6, 0.93, 0.72),
    "snowfield": Ground(wild.snowfield, 0.6, 0.93, 0.74),
    "space": Ground(wild.moonscape, 0.8, 0.95, 0.84),
    "sky": Ground(wild.cloud_sea, 0.78, 0.86, 0.76),
}
