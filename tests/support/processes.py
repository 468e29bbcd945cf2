"""Processes below this one, among which those of other tests' servers come and go."""

from __future__ import annotations

import psutil


def below(*words: str) -> list[psutil.Process]:
    """Those whose command line has one of the words; one that ends meanwhile is left out."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        if any(word in command for word in words):
            found.append(process)
    return found
