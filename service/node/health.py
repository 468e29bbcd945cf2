"""Reading a node's /health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.node.text import clean

OURS = "storytovideo"
UNSERVED = {"", "none", "null", "off", "no", "disabled", "unavailable", "false"}


def is_ours(health: Mapping[str, Any]) -> bool:
    """Whether it is a node of this project, or one that says that it reads `tts.text` as ours does."""
    return health.get("node") == OURS or health.get("tts_text") is True


def provides(health: Mapping[str, Any], kind: str) -> bool:
    """Whether `providers` names something that serves this kind of work; an entry may be an object with `available`."""
    providers = health.get("providers")
    served = providers.get(kind) if isinstance(providers, dict) else None
    if isinstance(served, dict):
        served = bool(served) and served.get("available", True)
    return bool(served) and str(served).strip().lower() not in UNSERVED


def summary(health: Mapping[str, Any]) -> str:
    """One line, as text of bounded length."""
    providers = health.get("providers")
    served = ", ".join(f"{kind}={name}" for kind, name in providers.items()) if isinstance(providers, dict) else "?"
    return f"{clean(str(health.get('status')), 40)} ({clean(served, 200)})"
