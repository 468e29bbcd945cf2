"""A provider that holds a model in its worker process: it is told what waits, ends between two steps, and is killed where it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode, gone
from tests.support.server_process import ROOT
from tests.support.wait import wait_until

# Every Python that the node starts runs this at its start.
SITE = """
from worker_node import process
from worker_node.providers import registry
registry.PROVIDERS["t2i"]["diffusers"] = "stepping_provider:Stepping"
process.GRACE_S = {grace}
"""
PROVIDER = """
import os, time
from PIL import Image
from worker_node.stopping import STOPPING

class Stepping:
    def __init__(self, settings):
        self.ahead = []

    def expect(self, ahead):
        self.ahead = [each["request"]["prompt"] for each in ahead]

    def paint(self, request, target, run):
        run.report(5, f"{os.getpid()} {' '.join(self.ahead)}")
        if request.prompt == "deaf":
            time.sleep(600)
        with STOPPING.steps():
            while request.prompt == "slow":
                time.sleep(0.01)
                STOPPING.check()
            while request.prompt == "stuck":
                time.sleep(0.01)
        Image.radial_gradient("L").convert("RGB").resize((request.width, request.height)).save(target, "PNG")
"""


def stepping_node(tmp_path: Path, start_node: StartNode, grace: float = 600) -> NodeProcess:
    (tmp_path / "sitecustomize.py").write_text(SITE.format(grace=grace))
    (tmp_path / "stepping_provider.py").write_text(PROVIDER)
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    return start_node("--t2i-provider", "diffusers", env={"PYTHONPATH": path})


def begun(node: NodeProcess, prompt: str) -> tuple[str, int, list[str]]:
    """A job that runs: its id, its process, and what it was told that waits."""
    job_id = node.submit("shot", shot={"prompt": prompt})
    wait_until(lambda: node.job(job_id)["progress"] == 5, PATIENCE_S)
    pid, *ahead = node.job(job_id)["message"].split()
    return job_id, int(pid), ahead


def cancel(node: NodeProcess, job_id: str) -> None:
    assert node.http.delete(f"{node.url}/v1/jobs/{job_id}", timeout=PATIENCE_S).status_code == 200
    assert node.job(job_id)["status"] == "cancelled"


def test_a_cancelled_job_ends_between_two_steps_and_its_process_does_the_next(
    tmp_path: Path, start_node: StartNode
) -> None:
    node = stepping_node(tmp_path, start_node)
    for _ in range(2):
        job_id, pid, _ = begun(node, "slow")
        cancel(node, job_id)
        wait_until(lambda: not node.left_over(job_id), PATIENCE_S)  # noqa: B023
        assert [worker.pid for worker in node.workers()] == [pid]
    assert node.ended(node.submit("shot", shot={"prompt": "quick"}))["status"] == "finished"
    assert [worker.pid for worker in node.workers()] == [pid]


@pytest.mark.parametrize(("prompt", "grace"), [("stuck", 0.5), ("deaf", 600)])
def test_a_process_that_does_not_look_is_killed(
    tmp_path: Path, start_node: StartNode, prompt: str, grace: float
) -> None:
    node = stepping_node(tmp_path, start_node, grace)
    job_id, pid, _ = begun(node, prompt)
    cancel(node, job_id)
    wait_until(lambda: gone(pid), PATIENCE_S)
    assert node.ended(node.submit("shot", shot={"prompt": "quick"}))["status"] == "finished"
    assert not node.left_over(job_id)


def test_jobs_go_one_by_one_to_one_process_which_is_told_what_waits(tmp_path: Path, start_node: StartNode) -> None:
    node = stepping_node(tmp_path, start_node)
    first, pid, ahead = begun(node, "slow")
    assert ahead == []
    second = node.submit("shot", shot={"prompt": "slow"})
    for prompt in ("third", "fourth"):
        node.submit("shot", shot={"prompt": prompt})
    assert node.job(second)["status"] == "pending"
    cancel(node, first)
    wait_until(lambda: node.job(second)["progress"] == 5, PATIENCE_S)
    assert node.job(second)["message"] == f"{pid} third fourth"


def test_a_node_that_ends_does_not_wait_for_a_step(tmp_path: Path, start_node: StartNode) -> None:
    node = stepping_node(tmp_path, start_node)
    _, pid, _ = begun(node, "stuck")
    assert node.end() == 0
    assert gone(pid)
