"""`python -m service.film.render.worker PARENT_PID`: a process that makes segments, driven by JSON lines.

Standard input: `{"id", "task": "segment", "segment", "output"}` or `{"id", "task": "cover", "segment", "frame", "output"}`.
Standard output: `{"id", "frames"}` while it works, then `{"id", "done": true}` or `{"id", "error": {stage, message, shot, log}}` or, where
this machine is to blame, `{"id", "fault": "DiskFull" or "HostUnavailable", "message"}`.
It ends with its parent, however that dies: the kernel kills it on Linux, and anywhere the end of standard input does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from common.host_faults import fault_of
from common.process_limits import limit_memory
from service.film.errors import FilmError
from service.film.orders import orders
from service.film.render.renderer import Renderer, rgb_of
from service.film.render.segments import Segment

PR_SET_PDEATHSIG = 1
REPORT_FRAMES = 5  # between two reports of progress
COVER_QUALITY = 90
# Bytes: for what a clip's decoder or the largest image takes, and for what the encoder keeps of the frames ahead and behind.
MEMORY, MEMORY_PER_PIXEL = 3 << 30, 400


def main(parent: int) -> None:
    """Work until standard input ends."""
    end_with(parent)
    renderer = Renderer()
    for order in orders():
        try:
            _work(renderer, order)
        except FilmError as error:
            _say({"id": order["id"], "error": _fields(error)})
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise  # the end of this process, whose last lines the parent reads
            _say({"id": order["id"], "fault": type(fault).__name__, "message": str(fault)})
        else:
            _say({"id": order["id"], "done": True})


def _work(renderer: Renderer, order: dict[str, Any]) -> None:
    segment = Segment.from_json(order["segment"])
    limit_memory(MEMORY + MEMORY_PER_PIXEL * segment.width * segment.height)
    output = Path(order["output"])
    if order["task"] == "cover":
        rgb = rgb_of(renderer.still_frame(segment, order["frame"]))
        Image.fromarray(rgb).save(output, format="JPEG", quality=COVER_QUALITY)
        return

    def progress(frames: int) -> None:
        if frames % REPORT_FRAMES == 0 or frames == segment.frames:
            _say({"id": order["id"], "frames": frames})

    renderer.render(segment, output, progress)


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _fields(error: FilmError) -> dict[str, Any]:
    """What the parent needs to raise the same error again."""
    return {"stage": error.stage, "message": error.reason, "shot": error.shot, "log": error.log}


def end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, where it can."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before prctl took effect
        os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
