"""Seeds for models: one of a job's own where none is asked for, and another one for its second try."""

from __future__ import annotations

import hashlib

MOST_DRAWN = 2**31  # every model and server takes seeds below it


def drawn_seed(key: str) -> int:
    """A job's own seed: the same when the job is done again, another one for another job."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % MOST_DRAWN


def other_seed(seed: int | None, key: str) -> int:
    """The seed of a job's second try; `seed` is what was asked for."""
    return drawn_seed(f"{key}/{seed}/again")
