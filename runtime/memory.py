"""How much memory processes have, by Linux's proportional set size: what they share is shared out, so that it may be added up. And how they
have less of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
M_ARENA_MAX = -8  # malloc.h of glibc


def share_one_arena() -> None:
    """Have all threads of this process, and of those that it forks, take memory from one arena, where the C library is glibc.

    It makes up to eight for each core, of which each keeps what was freed in it. Threads that wait for the interpreter take turns anyway.
    """
    import ctypes  # noqa: PLC0415 - it takes time, and other commands do without

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


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
