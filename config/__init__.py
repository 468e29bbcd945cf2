"""Typed settings: documented defaults, then config.yaml, then the environment."""
