"""Entry of `python -m worker_node` and of the command `storytovideo-node`: see `worker_node.command`."""

from __future__ import annotations

import gc
import sys


def run() -> int:
    """Returns the exit code."""
    gc.disable()  # of what is imported nothing is garbage: to look through it would be a sixth of a start
    from worker_node.command import main  # noqa: PLC0415 - see above

    gc.freeze()  # nor ever will be
    gc.enable()
    return main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(run())
