"""The real node as a process."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from PIL import Image

from tests.integration.worker_node.speech_servers import Voice, cosyvoice, openai
from tests.support.server_process import ROOT, clean_environment
from tests.support.wait import wait_until

PATIENCE_S = 60.0


class NodeProcess:
    """`python -m worker_node` on a free port."""

    def __init__(self, output: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.output = output
        command = [sys.executable, "-m", "worker_node", "--port", "0", "--output", str(output), *options]
        self.log = output.with_name(f"{output.name}.log")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean_environment(env),
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.url = f"http://127.0.0.1:{json.loads(line)['listening']}"
        self.http = requests.Session()

    def post(self, kind: str, *, task: str = "", **parameters: Any) -> requests.Response:
        body = {"id": task or str(uuid.uuid4()), "type": f"generate_{kind}", "parameters": parameters}
        return self.http.post(f"{self.url}/v1/generate", json=body, timeout=PATIENCE_S)

    def submit(self, kind: str, *, task: str = "", **parameters: Any) -> str:
        answer = self.post(kind, task=task, **parameters)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"{self.url}/v1/jobs/{job_id}", timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def wait_for(self, job_id: str, *statuses: str) -> dict[str, Any]:
        def arrived() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in statuses else None

        job = wait_until(arrived, PATIENCE_S, f"{statuses} of {job_id}")
        assert job is not None
        return job

    def ended(self, job_id: str) -> dict[str, Any]:
        return self.wait_for(job_id, "finished", "failed", "cancelled")

    def get(self, path: str, **more: Any) -> requests.Response:
        return self.http.get(self.url + path, timeout=PATIENCE_S, **more)

    def workers(self) -> list[psutil.Process]:
        """Its worker processes at this moment."""
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def left_over(self, job_id: str) -> list[Path]:
        return [path for path in self.output.rglob("*") if job_id in str(path)]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.http.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout
        self.process.stdout.close()
        return code


def image_base64(side: int = 96) -> str:
    target = io.BytesIO()
    Image.linear_gradient("L").resize((side, side)).convert("RGB").save(target, "PNG")
    return base64.b64encode(target.getvalue()).decode()


def long_clip() -> dict[str, Any]:
    """Work for minutes, unless it is stopped."""
    return {
        "shot": {"image_base64": image_base64()},
        "video": {"resolution": "2048x2048", "fps": 60, "duration": 60.0},
    }


StartNode = Callable[..., NodeProcess]


@pytest.fixture
def start_node(tmp_path: Path) -> Iterator[StartNode]:
    """Starts nodes that end with the test."""
    started: list[NodeProcess] = []

    def start(*options: str, output: Path | None = None, env: dict[str, str] | None = None) -> NodeProcess:
        node = NodeProcess(output or tmp_path / f"out-{len(started)}", *options, env=env)
        started.append(node)
        return node

    yield start
    for node in started:
        node.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node for the tests of a module that leave it as it is."""
    running = NodeProcess(tmp_path_factory.mktemp("node") / "out", "--keep-hours", "1")
    yield running
    running.end()


def gone(pid: int) -> bool:
    """Whether no process of that id runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def openai_voice() -> Iterator[Voice]:
    voice = openai()
    with voice.server:
        yield voice


@pytest.fixture
def cosy_voice() -> Iterator[Voice]:
    voice = cosyvoice()
    with voice.server:
        yield voice


@pytest.fixture(params=["openai", "cosyvoice"])
def any_voice(request: pytest.FixtureRequest) -> Iterator[Voice]:
    voice = {"openai": openai, "cosyvoice": cosyvoice}[request.param]()
    with voice.server:
        yield voice
