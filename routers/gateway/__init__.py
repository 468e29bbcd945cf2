"""`/api`, the gateway-facing surface: the use cases of `/v1/api`, spelt as the design document spells them."""

from __future__ import annotations

from flask import Blueprint

from routers.gateway import projects, shots, tasks
from routers.surface import surface
from service.container import Services


def blueprint(services: Services) -> Blueprint:
    """All routes of the surface."""
    return surface("gateway", "/api", [noun.blueprint(services) for noun in (projects, shots, tasks)])
