"""`python -m service.film.decoder_process`: a process that opens sounds, clips and images that somebody else made; see `decoder`.

Standard input: `{"want", "path", "memory", "seconds"}`, of a sound `longest_s`, of a thumbnail `target`, `width`, `kind` and `at`.
Standard output: messages as `orders.HEAD` begins them. It imports as little as it can: planning a film waits for it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from common.errors import HostUnavailable
from common.process_limits import limit_memory, limit_processor_time
from service.film.errors import UnusableMedia
from service.film.frames.clip_check import check_clip
from service.film.frames.video_file import clip_seconds
from service.film.orders import BLOCK, ERROR, FAULT, HEAD, NO_MEMORY, VALUE, orders
from service.film.sound import reading


def main() -> None:
    """Work until standard input ends."""
    for order in orders():
        limit_processor_time(order["seconds"])
        limit_memory(order["memory"])
        try:
            answer = json.dumps(_answer(order, Path(order["path"]))).encode()
        except UnusableMedia as error:
            _say(ERROR, str(error).encode())
        except HostUnavailable as fault:
            _say(FAULT, json.dumps([type(fault).__name__, str(fault)]).encode())
        except MemoryError:
            _say(NO_MEMORY, b"")
        else:
            _say(VALUE, answer)


def _answer(order: dict[str, Any], path: Path) -> Any:
    if order["want"] == "sound":
        for left, right in reading.blocks(path, order["longest_s"]):
            _say(BLOCK, left, right)
        return None
    if order["want"] == "thumbnail":
        return _thumbnail(order, path)
    answers = {
        "sound_look": reading.look,
        "clip_seconds": clip_seconds,
        "clip": check_clip,
        "image": _check_image,
    }
    return answers[order["want"]](path)


def _check_image(path: Path) -> None:
    from service.film.frames.image_file import check_image  # noqa: PLC0415 - few children look at one

    check_image(path)


def _thumbnail(order: dict[str, Any], path: Path) -> None:
    from service.film.frames import thumbnail  # noqa: PLC0415 - nor does a film's child make any

    target, width, kind, at = Path(order["target"]), order["width"], order["kind"], order["at"]
    if at is None:
        thumbnail.of_image(path, target, width, kind)
    else:
        thumbnail.of_film(path, target, at, width, kind)


def _say(kind: bytes, *parts: bytes) -> None:
    sys.stdout.buffer.write(HEAD.pack(kind, sum(map(len, parts))))
    for part in parts:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
