"""The models that a server of OpenAI's form names."""

from __future__ import annotations

from worker_node.providers.http import HttpClient
from worker_node.providers.listing import listed


def listed_models(http: HttpClient) -> list[str]:
    """Their ids; raises `ProviderUnable`."""
    return listed(http, "/models", "data", "id")
