"""Providers that need neither weights nor a network."""
