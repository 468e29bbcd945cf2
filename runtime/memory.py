"""How much memory processes have, by Linux's proportional set size: what they share is shared out, so that it may be added up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")


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
