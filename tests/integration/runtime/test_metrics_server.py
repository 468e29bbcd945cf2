"""The `/metrics` of a processor that serves nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from common.errors import DependencyError
from config.settings import MetricsSettings
from runtime import metrics_server
from service.metrics import work
from tests.support.servers.process import free_port
from tests.support.web_app import make_settings, open_services


def test_it_tells_of_the_work_and_the_disks_of_its_machine_alone(tmp_path: Path, redis_url: str) -> None:
    metrics = MetricsSettings(processor_port=f"127.0.0.1:{free_port()}")
    settings = make_settings(tmp_path).model_copy(update={"metrics": metrics})
    with open_services(settings, redis_url) as services, metrics_server.serving(services) as address:
        work.made_film(6.0, {"total": 3.0, "fetch": 0.2}, {"segments_made": 2, "segments_reused": 1})
        text = requests.get(f"{address}/metrics", timeout=60).text
        assert "storytovideo_film_seconds_per_second 2.0\n" in text
        assert 'storytovideo_stage_seconds_bucket{le="0.5",stage="fetch"}' in text
        assert 'storytovideo_disk_free_bytes{path="data_dir"}' in text
        assert "storytovideo_tasks" not in text
        for path, headers in (("/metrics", {"X-Forwarded-For": "127.0.0.1"}), ("/v1/api/projects", {})):
            assert requests.get(address + path, headers=headers, timeout=60).status_code == 404
        with pytest.raises(DependencyError, match=r"metrics\.processor_port"), metrics_server.serving(services):
            raise AssertionError
