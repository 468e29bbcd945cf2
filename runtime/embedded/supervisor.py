"""The supervisor of the embedded parts, a process of its own: `python -m runtime.embedded.supervisor '{"redis": true, "node": {...}}'`.

It is a process of its own because gunicorn handles signals, forks and exited children in its own way. It prints one JSON line,
`{"redis": address, "node": address}` or `{"error": text}`, and ends with SIGTERM, which it also gets when its parent dies. What it
started ends with it, however it ends.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from runtime.embedded.child import Child, ChildFailed
from runtime.embedded.node import EmbeddedNode
from runtime.embedded.redis import EmbeddedRedis
from runtime.logging_setup import set_up_logging

LOOK_S = 0.2

log = logging.getLogger(__name__)


def main(wanted: dict[str, Any]) -> int:
    """Start what is wanted, print where it is, supervise it until SIGTERM."""
    set_up_logging(wanted["log"]["level"], wanted["log"]["format"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = Path(tempfile.mkdtemp(prefix="s2v-"))
    children = _children(wanted, folder)
    try:
        for child in children.values():  # beside one another
            child.start()
        print(json.dumps({name: child.wait() for name, child in children.items()}), flush=True)  # noqa: T201 - the answer to whoever started us
        while True:
            time.sleep(LOOK_S)
            for child in children.values():
                child.supervise()
    except ChildFailed as error:
        print(json.dumps({"error": str(error)}), flush=True)  # noqa: T201 - see above
        return 1
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for child in reversed(children.values()):
            child.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _children(wanted: dict[str, Any], folder: Path) -> dict[str, Child]:
    """By name; the one that takes longest to start is the first."""
    children: dict[str, Child] = {}
    if node := wanted.get("node"):
        children["node"] = EmbeddedNode(Path(node["output"]), node["webhook_url"], wanted["log"])
    if wanted.get("redis"):
        children["redis"] = EmbeddedRedis(folder)
    return children


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
