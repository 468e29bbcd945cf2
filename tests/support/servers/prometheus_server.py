"""Prometheus with deploy/compose's own rules, and its own configuration but for the addresses that it scrapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
import yaml

from tests.support.servers.process import ServerProcess, free_port, program

DEPLOYED = Path(__file__).resolve().parents[3] / "deploy" / "compose" / "prometheus"


class PrometheusServer(ServerProcess):
    """Scrapes `targets`, by the names of their jobs, every second."""

    def __init__(self, targets: dict[str, str]) -> None:
        self._program = program("prometheus")
        super().__init__("prometheus")
        self._write(targets)
        self.port = 0
        self.start(self._command, self._answers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The samples of a query now; fails where it cannot be read."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": query}, timeout=60).json()
        assert answer["status"] == "success", (query, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """The alerts as it sees them."""
        groups = requests.get(f"{self.url}/api/v1/rules", timeout=60).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _write(self, targets: dict[str, str]) -> None:
        config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text("utf-8"))
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(DEPLOYED / "alerts.yml")]
        del config["alerting"]
        scraped = [job for job in config["scrape_configs"] if job["job_name"] in targets]
        for job in scraped:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
        config["scrape_configs"] = scraped
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")

    def _command(self) -> list[str]:
        self.port = free_port()
        folder = self.folder
        return [
            self._program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/-/ready", timeout=5).ok
        except requests.ConnectionError:
            return False
