"""How many processor cores this process may use: by its affinity, and by its control group's quota (a container's `--cpus`)."""

from __future__ import annotations

import math
import os
from pathlib import Path

GROUP = Path("/sys/fs/cgroup")


def cores(group: Path = GROUP) -> int:
    """At least one."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(group)
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def _quota(group: Path) -> float | None:
    """The cores that the group may keep busy, by the file of version 2 or the two of version 1; None where there is no limit."""
    try:
        words = _words(group / "cpu.max") or [
            *_words(group / "cpu/cpu.cfs_quota_us"),
            *_words(group / "cpu/cpu.cfs_period_us"),
        ]
        quota, period = map(int, words)
    except (OSError, ValueError):  # there are no groups; or it says "max"
        return None
    return quota / period if quota > 0 and period > 0 else None


def _words(file: Path) -> list[str]:
    return file.read_text(encoding="ascii").split() if file.exists() else []
