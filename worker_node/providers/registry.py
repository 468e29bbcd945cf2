"""Which providers there are, by kind and name. A real model is added by naming its class here; nothing is imported before it is chosen."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from worker_node.providers.settings import ProviderSettings

KINDS = ("llm", "t2i", "i2v", "tts")

PROVIDERS: dict[str, dict[str, str]] = {
    "llm": {"offline": "worker_node.providers.offline.storyteller:OfflineStoryteller"},
    "t2i": {"offline": "worker_node.providers.offline.painter.painter:OfflinePainter"},
    "i2v": {"offline": "worker_node.providers.offline.animator:OfflineAnimator"},
    "tts": {"offline": "worker_node.providers.offline.speaker:OfflineSpeaker"},
}

DEFAULT_CHAINS = {"llm": ("offline",), "t2i": ("offline",), "i2v": ("offline",), "tts": ("offline",)}
"""The providers of a node that nobody configured, in their order."""


def make_provider(kind: str, settings: ProviderSettings) -> Any:
    """The provider of this kind that the settings name; raises whatever its `__init__` raises."""
    module, _, attribute = PROVIDERS[kind][settings.provider].partition(":")
    return getattr(importlib.import_module(module), attribute)(settings)
