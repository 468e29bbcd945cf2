"""A server of `bench.http`: gunicorn as `main.py serve` sets it up, without a processor, in so many worker processes.

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
    from config.load import load
    from routers.app import create_app
    from runtime.gunicorn_server import Site, _Gunicorn
    from runtime.wiring import open_services

    settings = load(Path(os.devnull), os.environ).settings

    def build() -> Site:
        services = open_services(settings)
        services.changes.listen()
        app = create_app(services)
        if kind == "bare":
            app.wsgi_app = hello  # type: ignore[method-assign,assignment]
        return Site(app, lambda: None, services.close)

    class Gunicorn(_Gunicorn):
        def load_config(self) -> None:
            super().load_config()
            self.cfg.set("workers", processes)

    try:
        Gunicorn(socket.socket(fileno=fd), settings.server, build).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def hello(_environ: Any, start_response: Any) -> Iterable[bytes]:
    """The least that an application can do."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(HELLO)))])
    return [HELLO]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
