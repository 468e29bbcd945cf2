"""Which providers there are, by kind and name. A real model is added by naming its class here; nothing is imported before it is chosen."""

from __future__ import annotations

import importlib
from typing import Any

KINDS = ("llm", "t2i", "i2v", "tts")

PROVIDERS: dict[str, dict[str, str]] = {
    "llm": {"offline": "worker_node.providers.offline.storyteller:OfflineStoryteller"},
    "t2i": {"offline": "worker_node.providers.offline.painter.painter:OfflinePainter"},
    "i2v": {"offline": "worker_node.providers.offline.animator:OfflineAnimator"},
    "tts": {"offline": "worker_node.providers.offline.speaker:OfflineSpeaker"},
}


def make_provider(kind: str, name: str) -> Any:
    """An instance of the class that does this kind of work under this name; raises KeyError where there is none."""
    module, _, attribute = PROVIDERS[kind][name].partition(":")
    return getattr(importlib.import_module(module), attribute)()
