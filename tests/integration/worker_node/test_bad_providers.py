"""A provider that does not keep to its interface fails its own jobs only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.worker_node.conftest import NodeProcess, StartNode
from tests.support.server_process import ROOT

# Every Python that the node starts runs this at its start.
SITE = """
from worker_node.providers import registry
registry.PROVIDERS["llm"]["offline"] = registry.PROVIDERS["t2i"]["offline"] = "bad_provider:Bad"
"""
PROVIDER = """
from worker_node.errors import ProviderError
from worker_node.providers.base import Scene, Storyboard

class Bad:
    def __init__(self, settings):
        pass

    def tell(self, request, run):
        if request.story == "progress":
            run.report(None, "half")
        if request.story == "unpaired":
            run.report(10, "\\ud800")
            raise ProviderError("model said \\ud800")
        return Storyboard([Scene(request.story, "prompt", "narration", "bgm")] * request.shots)

    def paint(self, request, target, run):
        if request.prompt == "empty":
            target.touch()
"""


@pytest.fixture
def node(tmp_path: Path, start_node: StartNode) -> NodeProcess:
    (tmp_path / "sitecustomize.py").write_text(SITE)
    (tmp_path / "bad_provider.py").write_text(PROVIDER)
    return start_node(env={"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))})


def test_progress_that_is_no_number_fails_the_job_and_the_next_gets_its_own_result(node: NodeProcess) -> None:
    job = node.ended(node.submit("storyboard", shot_defaults={"storyText": "progress", "shot_count": 1}))
    assert job["status"] == "failed"
    assert job["error"]
    assert not node.left_over(job["id"])
    after = node.ended(node.submit("storyboard", shot_defaults={"storyText": "good", "shot_count": 2}))
    assert after["status"] == "finished"
    assert [scene["title"] for scene in after["result"]["task_shots"]["generated_shots"]] == ["good", "good"]


def test_text_that_cannot_be_encoded_is_shown_without_what_is_wrong_in_it(node: NodeProcess) -> None:
    job = node.ended(node.submit("storyboard", shot_defaults={"storyText": "unpaired", "shot_count": 1}))
    assert (job["status"], job["error"]) == ("failed", "model said ?")


@pytest.mark.parametrize("prompt", ["empty", "none"])
def test_work_without_a_file_is_a_failure(node: NodeProcess, prompt: str) -> None:
    job = node.ended(node.submit("shot", shot={"prompt": prompt}))
    assert (job["status"], job["error"]) == ("failed", "模型没有生成文件（已换种子重做一次）")
    assert not node.left_over(job["id"])
