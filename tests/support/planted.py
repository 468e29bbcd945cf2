"""What a forged job names: no processor may import this, nor call anything in here."""

from __future__ import annotations

CALLS: list[tuple[object, ...]] = []


def call(*arguments: object, **_options: object) -> None:
    """Leave a trace."""
    CALLS.append(arguments)
