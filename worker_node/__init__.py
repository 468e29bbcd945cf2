"""The model node: takes one piece of work at a time over HTTP, does it with a model (or the offline stand-ins), and serves the result.

It imports nothing of the server and could be lifted out into a project of its own. See `python -m worker_node --help`.
"""

from __future__ import annotations

from pathlib import Path

__version__ = "0.1.0"

PACKAGE_PARENT = Path(__file__).resolve().parent.parent
