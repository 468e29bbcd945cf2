"""`python -m bench.compose_once SPEC`: make one film in a process of its own; prints its cost and report as one line of JSON.

SPEC is a pickled `FilmSpec` of our own making. The imports, which a server has behind it, are not counted; starting the workers is.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import threading
import time
from pathlib import Path

from service.film.compose import compose


def main(path: Path) -> None:
    """Make it, and say what it took."""
    spec = pickle.loads(path.read_bytes())
    before, started = os.times(), time.monotonic()
    report = compose(spec, lambda _progress: None, threading.Event())
    wall, after = time.monotonic() - started, os.times()
    print(
        json.dumps({"wall": wall, "cpu": sum(after[:4]) - sum(before[:4]), "film": str(report.film), "log": report.log})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
