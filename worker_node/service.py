"""Who does each kind's work at the moment, and why it is not the one that should: for /health."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from worker_node.providers.settings import ProviderSettings, model_name


class Service:
    """Thread-safe. A kind is degraded from a job that another than its first provider did, or none, until one that the first does."""

    def __init__(self, providers: Mapping[str, Sequence[ProviderSettings]]) -> None:
        self._providers, self._lock = providers, threading.Lock()
        self._degraded: dict[str, dict[str, str]] = {}

    def made(self, kind: str, made: Mapping[str, Any]) -> None:
        """A job of this kind was done, as `Chain.perform` says."""
        with self._lock:
            if not made["unable"]:
                self._degraded.pop(kind, None)
                return
            self._note(kind, made["made_by"]["provider"], made["unable"][0]["reason"])

    def none_able(self, kind: str, reason: str) -> None:
        """No provider of this kind could do a job."""
        with self._lock:
            self._note(kind, "", reason)

    def _note(self, kind: str, provider: str, reason: str) -> None:
        since = self._degraded.get(kind, {}).get("since") or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._degraded[kind] = {"provider": provider, "reason": reason, "since": since}

    def view(self) -> dict[str, Any]:
        """Of /health: `providers`, who should do the work; `lists`, who may; `degraded`, who does, why, and since when."""
        with self._lock:
            return {
                "providers": {kind: chain[0].label for kind, chain in self._providers.items()},
                "lists": {
                    kind: [{"provider": each.label, "model": model_name(kind, each)} for each in chain]
                    for kind, chain in self._providers.items()
                },
                "degraded": {kind: dict(found) for kind, found in self._degraded.items()},
            }
