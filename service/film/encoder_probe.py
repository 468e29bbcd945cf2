"""`python -m service.film.encoder_probe CODEC FILE [NAME=VALUE ...]`: encode a few grey frames; exit 0 when that works."""

from __future__ import annotations

import sys
from pathlib import Path

from service.errors import FilmError
from service.film.encoding import open_writer
from service.film.segments import Encoding

SIZE = (320, 192)  # no hardware encoder takes much less
FRAMES = 5


def main(arguments: list[str]) -> int:
    """Returns the exit status."""
    codec, path, *pairs = arguments
    options = tuple((name, value) for name, _, value in (pair.partition("=") for pair in pairs))
    try:
        with open_writer(Path(path), SIZE, 30, Encoding(codec, options)) as writer:
            for _ in range(FRAMES):
                for plane in writer.buffer():
                    plane.fill(128)
                writer.push()
    except FilmError as error:
        print(error.log or error, file=sys.stderr)  # noqa: T201 - the caller reads it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
