"""How much memory processes have, by Linux's proportional set size: what they share is shared out, so that it may be added up. And how they
have less of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
M_ARENA_MAX, M_TRIM_THRESHOLD = -8, -1  # malloc.h of glibc
TRIMMED_FROM = 1 << 17  # bytes at the end of the arena


def hold_less() -> None:
    """Have this process and those that it forks take memory from one arena for all threads, and give it back, where there is glibc.

    It makes up to eight arenas for each core, of which each keeps what was freed in it; threads that wait for the interpreter take turns
    anyway. And what is large comes from an arena once something as large was freed, unless it is said what is to be given back.
    """
    import ctypes  # noqa: PLC0415 - it takes time, and other commands do without

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_TRIM_THRESHOLD, TRIMMED_FROM)


def proportional(pid: int) -> int | None:
    """Bytes of a process; None where the system does not say, or the process is gone."""
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith("Pss:")), None)
    return None if found is None else int(found) * 1024


def described(pids: Mapping[str, int]) -> str:
    """All together and each by its name, for a person; "" where the system does not say."""
    each = {name: size for name, pid in pids.items() if (size := proportional(pid)) is not None}
    if not each:
        return ""
    parts = ", ".join(f"{name} {size / (1 << 20):.0f}" for name, size in each.items())
    return f"{sum(each.values()) / (1 << 20):.0f} MiB together ({parts})"
