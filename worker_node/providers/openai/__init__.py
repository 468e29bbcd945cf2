"""Providers over servers that speak OpenAI's API."""
