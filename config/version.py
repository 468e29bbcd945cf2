"""The version, which is written in `pyproject.toml` alone."""

from __future__ import annotations

import re
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def version() -> str:
    """As in `0.1.0`. Read where it stands: the server is not installed as a package, and Python 3.10 has no reader of TOML."""
    found = re.search(r'^version = "(.+)"$', PYPROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"{PYPROJECT} holds no version")
    return found[1]
