"""The voices that narrations may be spoken with, and a sample of each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from service.assets.media_type import Kind, sniff
from service.container import Services
from service.node.interface import Voice


def listed(services: Services) -> list[Voice]:
    """The model node's voices; none where it has none to choose from. Raises `NodeUnavailable`."""
    return services.node.voices()


def sample(services: Services, provider: str, voice: str) -> tuple[bytes, str]:
    """A short sound of a voice, and what it is by its bytes; the node keeps it. Raises `NotFound`, `NodeUnavailable`, `BadNodeResult`."""
    content = services.node.voice_sample(provider, voice)
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "sample"
        path.write_bytes(content)
        return content, sniff(path, Kind.AUDIO).content_type
