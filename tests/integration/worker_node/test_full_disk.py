"""A node whose disk is full says so, by a number and in words that the server knows, and takes the same task again once there is room."""

from __future__ import annotations

from pathlib import Path

import psutil

from common.host_faults import says_full
from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode, long_clip
from tests.support.small_disk import small_disk
from tests.support.wait import wait_until

STORY = {"storyText": "猫。狗。", "shot_count": 2}


def test_jobs_of_a_full_disk_fail_in_words_and_run_when_they_are_sent_again(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=32) as disk:
        node = NodeProcess(disk.folder / "output")
        try:
            warm = node.ended(node.submit("storyboard", task="warm", shot_defaults=STORY))
            assert warm["status"] == "finished", warm
            family = [psutil.Process(node.process.pid), *node.workers()]
            with disk.full(family):
                refused = node.post("storyboard", task="one", shot_defaults=STORY)
                assert refused.status_code == 507, "a job that is not on the disk would be lost"
                assert says_full(refused.json()["message"])
            first = node.submit("video", task="one", **long_clip())
            wait_until(lambda: node.job(first)["progress"] > 2, PATIENCE_S)
            family = [psutil.Process(node.process.pid), *node.workers()]
            with disk.full(family):
                job = node.ended(first)
                assert job["status"] == "failed"
                assert says_full(job["error"]), job
            second = node.submit("storyboard", task="one", shot_defaults=STORY)
            assert second != first
            assert node.ended(second)["status"] == "finished"
            assert node.submit("storyboard", task="one", shot_defaults=STORY) == second
        finally:
            node.end()


def test_an_input_that_finds_no_room_is_answered_507(start_node: StartNode) -> None:
    node = start_node()
    process = psutil.Process(node.process.pid)
    image = "A" * 400
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        answer = node.post("video", shot={"image_base64": image, "prompt": "猫"})
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (hard, hard))
    assert answer.status_code == 507
    assert says_full(answer.json()["message"])
