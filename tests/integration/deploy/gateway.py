"""A real nginx, with deploy/nginx's files and the rule set, before a real server that lets nobody in without a key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.support.server_process import ServerUnderTest
from tests.support.servers.nginx_server import NginxServer


@dataclass
class Gateway:
    """nginx, the server behind it, and keys of one account."""

    nginx: NginxServer
    server: ServerUnderTest
    key: str
    legacy: str

    def ask(self, method: str, path: str, **sent: Any) -> requests.Response:
        """An answer over HTTPS, with the key unless there is another credential."""
        headers = {"Authorization": f"Bearer {self.key}", **sent.pop("headers", {})}
        with requests.Session() as session:
            session.trust_env = False
            where: dict[str, Any] = {"verify": str(self.nginx.certificate), "timeout": 120, "allow_redirects": False}
            return session.request(method, self.nginx.https + path, headers=headers, **where, **sent)

    def bare(self, method: str, path: str, **sent: Any) -> requests.Response:
        """The same without a credential."""
        return requests.request(
            method,
            self.nginx.https + path,
            verify=str(self.nginx.certificate),
            timeout=120,
            allow_redirects=False,
            **sent,
        )


def keys(server: ServerUnderTest) -> dict[Scope, str]:
    """Two keys of a new account."""
    database, now = open_database(Settings(data_dir=server.folder / "data")), Clock().now()
    accounts.add(database, "alice", "correct horse battery", admin=False, now=now)
    made = {
        scope: accounts.add_key(database, "alice", "", scope, days=0, now=now)[1]
        for scope in (Scope.LEGACY, Scope.WRITE)
    }
    database.close()
    return made


@contextmanager
def gateway(folder: Path, settings: dict[str, object], changes: dict[str, str]) -> Iterator[Gateway]:
    """Both, with the server's further settings and other texts in nginx's files."""
    own: dict[str, object] = {
        "auth.required": "true",
        "server.trusted_proxies": "127.0.0.1",
        "server.accel_redirect": "/_objects/",
        "film.resolution": "128x72",
        "film.fps": 5,
    }
    with ServerUnderTest(folder, own | settings) as server:
        made = keys(server)
        objects = folder / "data" / "assets" / "objects"
        nginx = NginxServer([f"127.0.0.1:{server.port}"], objects, changes)
        try:
            yield Gateway(nginx, server, made[Scope.WRITE], made[Scope.LEGACY])
        finally:
            nginx.close()
