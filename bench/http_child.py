"""A server of `bench.http`: gunicorn as `main.py serve` sets it up, without a processor, in so many web processes.
Its log goes into a file in its data folder.

`python -m bench.http_child KIND FD PROCESSES`; KIND is `bare`, a WSGI hello, or `ours`, whose settings are in the environment as usual.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HELLO = b'{"status":"ok","service":"hello"}'


def main(kind: str, fd: int, processes: int) -> int:
    """Serve on an inherited listening socket until SIGTERM."""
    from common.shared import Shared
    from config.load import load
    from config.processes import shared_out
    from routers.app import create_app
    from runtime import gunicorn_server
    from runtime.gunicorn_server import Plan, Site
    from runtime.logging_setup import set_up_logging
    from runtime.wiring import open_services

    loaded = load(Path(os.devnull), os.environ).settings
    server = loaded.server.model_copy(update={"processes": processes})
    settings = shared_out(loaded.model_copy(update={"server": server}))
    log = (settings.data_dir / f"log-{os.getpid()}").open("a", encoding="utf-8")
    set_up_logging(settings.log.level, settings.log.format, log)

    def build(shared: Shared) -> Site:
        services = open_services(settings)
        services.changes.listen()
        app = create_app(services, shared=shared)
        if kind == "bare":
            app.wsgi_app = hello  # type: ignore[method-assign,assignment]  # as routers/app.py does
        return Site(lambda: None, services.close, app)

    return gunicorn_server.serve(socket.socket(fileno=fd), settings.server, Plan(build))


def hello(_environ: Any, start_response: Any) -> Iterable[bytes]:
    """The least that an application can do."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(HELLO)))])
    return [HELLO]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
