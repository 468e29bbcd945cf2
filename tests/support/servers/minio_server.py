"""A MinIO server."""

from __future__ import annotations

import requests
from minio import Minio

from config.settings import MinioSettings
from tests.support.servers.process import ServerProcess, free_port, program

ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key"
ENVIRONMENT = {
    "MINIO_ROOT_USER": ACCESS_KEY,
    "MINIO_ROOT_PASSWORD": SECRET_KEY,
    "MINIO_CI_CD": "1",
    "MINIO_UPDATE": "off",
}


class MinioServer(ServerProcess):
    """A fresh MinIO; `endpoint` is its API, `console` its web console. `start_again` brings one that was killed back."""

    def __init__(self) -> None:
        self._program = program("minio", "~/go/bin/minio", "/usr/local/bin/minio")
        super().__init__("minio")
        self.port = self.console_port = 0
        self.start(self._command_on_free_ports, self._answers, ENVIRONMENT)

    def start_again(self) -> None:
        """Start it once more on its ports and its data."""
        self.start(self._command, self._answers, ENVIRONMENT)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.console_port}"

    def _command_on_free_ports(self) -> list[str]:
        self.port, self.console_port = free_port(), free_port()
        return self._command()

    def _command(self) -> list[str]:
        addresses = ["--address", self.endpoint, "--console-address", f"127.0.0.1:{self.console_port}"]
        return [self._program, "server", "--quiet", *addresses, str(self.folder / "data")]

    def _answers(self) -> bool:
        """Whether it knows who asks: `/minio/health/live` is right before that."""
        client = Minio(self.endpoint, ACCESS_KEY, SECRET_KEY, secure=False, region="us-east-1")
        try:
            return requests.get(client.presigned_get_object("nobodys", "nothing"), timeout=5).status_code == 404
        except requests.ConnectionError:
            return False

    def settings(self, bucket: str) -> MinioSettings:
        """Settings of a bucket of it."""
        return MinioSettings(endpoint=self.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, bucket=bucket)
