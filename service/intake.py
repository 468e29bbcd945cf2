"""What every upload goes through before it is kept: it is received up to its limit, there is room for it, and a picture is whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from common.errors import InvalidInput, TooLarge
from models.db import retrying
from service.access import quotas
from service.container import Services
from service.film.decoder import visiting_decoder

CHUNK = 1 << 20  # bytes


def receive(stream: BinaryIO, path: Path, limit: int, too_large: Callable[[], TooLarge]) -> None:
    """Write what a client sends to a file. Raises `TooLarge` over `limit` bytes, `InvalidInput` for an empty one."""
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise too_large()
            file.write(chunk)
    if size == 0:
        raise InvalidInput("file", "file 不能为空")


@retrying
def check_room(services: Services) -> None:
    """Raise where the caller has stored as much as they may."""
    with services.database.write() as session:
        quotas.take(services, session)


def check_picture(path: Path) -> None:
    """Raise `UnusableMedia` unless it is a whole picture that films can be made with; a costly one is opened by another process."""
    from service.film.frames.image_file import check_image, is_costly  # noqa: PLC0415 - a server starts without NumPy

    if is_costly(path):
        with visiting_decoder() as decoder:
            decoder.check_image(path)
    else:
        check_image(path)
