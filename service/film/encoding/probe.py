"""`python -m service.film.encoding.probe FILE ORDER`: encode a few grey frames as a film would be; exit 0 when that works.

ORDER is JSON: `{"size": [width, height], "fps", "encoding": {...}}`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from service.film.encoding.writers import Encoding, open_writer
from service.film.errors import FilmError

FRAMES = 5


def main(path: Path, order: str) -> int:
    """Returns the exit status."""
    asked = json.loads(order)
    width, height = asked["size"]
    try:
        with open_writer(path, (width, height), asked["fps"], Encoding.from_json(asked["encoding"])) as writer:
            for _ in range(FRAMES):
                for plane in writer.buffer():
                    plane.fill(128)
                writer.push()
    except FilmError as error:
        print(error.log or error, file=sys.stderr)  # noqa: T201 - the caller reads it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
