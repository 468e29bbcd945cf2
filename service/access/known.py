"""Who credentials were found to stand for: kept for `LONGEST_S` at most, and no longer than accounts, logins and keys stay as they were.

On the host where an account is disabled, a login ended or a key revoked that counts at once; a host that is not told, since it was done by
`main.py` elsewhere, finds it out after `LONGEST_S`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from models.row_versions import ACCOUNTS, now
from service.access.principals import Principal
from service.container import Services

LONGEST_S = 10.0
MOST = 10_000


class _Known(NamedTuple):
    principal: Principal
    version: int
    until: float


class KnownPrincipals:
    """Principals by the texts of their credentials."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: dict[str, _Known] = {}

    def of(self, text: str, find: Callable[[], Principal]) -> Principal:
        """The principal of a credential; `find` raises `Unauthorized` for one that does not count."""
        versions = self._services.database.versions
        if versions is None or not self._services.changes.reliable():
            return find()
        known = self._known.get(text)
        if known is not None and time.time() < known.until and versions.holds(ACCOUNTS, known.version):
            return known.principal
        began = now()
        until = time.time() + LONGEST_S
        principal = find()
        version = versions.settled(ACCOUNTS, began)
        if version is not None:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[text] = _Known(principal, version, min(until, principal.ends_at))
        return principal
