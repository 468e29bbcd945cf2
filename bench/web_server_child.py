"""The server of `bench.web_server`, without a processor: gunicorn as `main.py serve` sets it up, or with another class of worker.

`python -m bench.web_server_child KIND FD FOLDER SOCKETS`
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path


def main(kind: str, fd: int, folder: Path, sockets: int) -> int:
    """Serve on an inherited listening socket until SIGTERM."""
    if kind == "gevent":
        from gevent import monkey

        monkey.patch_all()
    # Only now: what is imported before keeps the blocking calls.
    from common.shared import Shared
    from config.settings import ServerSettings, Settings, WorkerSettings
    from routers.app import create_app
    from runtime.embedded.parts import EmbeddedParts
    from runtime.gunicorn_server import IDLE_CONNECTIONS, Plan, Site, _Gunicorn
    from runtime.wiring import open_services

    settings = Settings(
        data_dir=folder, worker=WorkerSettings(addr="127.0.0.1:9"), server=ServerSettings(max_sockets=max(1, sockets))
    )

    class Gunicorn(_Gunicorn):
        def load_config(self) -> None:
            super().load_config()
            if kind != "gthread":
                self.cfg.set("worker_class", kind)
                self.cfg.set("worker_connections", sockets + settings.server.threads + IDLE_CONNECTIONS)
                self.cfg.set("worker_exit", lambda _arbiter, worker: worker.app.site.close())

    parts = EmbeddedParts.start(settings, "http://127.0.0.1").wait()

    def build(shared: Shared) -> Site:
        services = open_services(parts.settings)
        return Site(lambda: None, services.close, create_app(services, shared=shared))

    try:
        Gunicorn(socket.socket(fileno=fd), settings.server, Plan(build)).run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    finally:
        parts.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
