"""A MinIO server."""

from __future__ import annotations

import requests

from tests.support.servers.process import ServerProcess, free_port, program

ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key"


class MinioServer(ServerProcess):
    """A fresh MinIO; `endpoint` is its API, `console` its web console."""

    def __init__(self) -> None:
        self._program = program("minio", "~/go/bin/minio", "/usr/local/bin/minio")
        super().__init__("minio")
        self.port = self.console_port = 0
        credentials = {
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_CI_CD": "1",
            "MINIO_UPDATE": "off",
        }
        self.start(self._command_on_free_ports, self._answers, credentials)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.console_port}"

    def _command_on_free_ports(self) -> list[str]:
        self.port, self.console_port = free_port(), free_port()
        addresses = ["--address", self.endpoint, "--console-address", f"127.0.0.1:{self.console_port}"]
        return [self._program, "server", "--quiet", *addresses, str(self.folder / "data")]

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://{self.endpoint}/minio/health/live", timeout=5).ok
        except requests.ConnectionError:
            return False
