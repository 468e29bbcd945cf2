"""`/api`, the gateway-facing surface: the use cases of `/v1/api`, spelt as the design document spells them."""

from __future__ import annotations

from flask import Blueprint

from routers.access.gate import Gate
from routers.api import auth
from routers.gateway import oss, projects, serializers, shots, tasks
from routers.surface import surface


def blueprint(at_the_gate: Gate) -> Blueprint:
    """All routes of the surface."""
    nouns = [noun.blueprint(at_the_gate.services) for noun in (projects, shots, tasks, oss)]
    return surface("gateway", "/api", [*nouns, auth.blueprint(at_the_gate, serializers.success)])
