"""The contract is held against the same application as the routes' own tests."""

from tests.integration.routers.conftest import app, client, connect, services, settings, static_folder

__all__ = ["app", "client", "connect", "services", "settings", "static_folder"]
