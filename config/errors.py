"""What stops the start when the configuration is wrong."""

from __future__ import annotations

from common.errors import StartError


class ConfigError(StartError):
    """A key, type or value that cannot be used. The text names the key, where it stands, what was found and what is allowed."""
