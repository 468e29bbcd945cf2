"""Typed settings: documented defaults, then config.yaml, then the environment."""

from config.settings import Settings

__all__ = ["Settings"]
