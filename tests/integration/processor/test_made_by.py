"""What the node tells of who made a job reaches the task: its message, its result, its error, and the project's cost."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.asset import Asset
from routers.app import create_app
from service import narrations, shots, tasks
from service.schemas import NarrationRequest
from tests.integration.processor.conftest import Backend, others_by_soak
from tests.support.clocks import MovedClock
from tests.support.node.dialect import OURS
from tests.support.node.scripts import Script, finished, png, scenes, wav
from tests.support.wait import wait_until

PATIENCE_S = 60
REPLACED = "由 offline 代替（openai：额度用完）"
USAGE = [{"provider": "openai", "model": "m", "units": {"images": 1}, "cost": "0.1"}]


def told(content: bytes, message: str = f"完成，{REPLACED}", **result: Any) -> Script:
    script = finished(content)
    made_by = {"provider": "offline", "model": ""}
    more = {"resource_url": "/files/{job}", "made_by": made_by, "usage": USAGE, **result}
    script.reports[-1] |= {"message": message, "result": more}
    return script


def failing(**report: Any) -> Script:
    script = Script([{"status": "failed", **report}])
    script.gate.set()
    return script


def test_every_kind_of_task_says_who_made_it_and_the_project_what_it_cost(backend: Backend) -> None:
    node = backend.node
    node.script("generate_storyboard", lambda _e: told(json.dumps(scenes(2)).encode()))
    node.script("generate_shot", lambda _e: told(png()))
    node.script("generate_audio", lambda _e: told(wav(), f"完成，{REPLACED}，其中没有读出：ꦲꦏ", unread=["ꦲꦏ"]))
    backend.start()
    created = backend.create(2)
    for task_id in (created.text_task_id, *created.shot_task_ids):
        backend.wait(task_id, "finished")
    parent = narrations.request(backend.services, created.project_id, NarrationRequest())
    backend.wait(parent, "finished")
    made = [created.text_task_id, *created.shot_task_ids, *tasks.get(backend.services, parent).depends_on]
    for task_id in made:
        task = tasks.get(backend.services, task_id)
        assert (task.message or "").count(REPLACED) == 1
        assert (task.message or "").count("没有读出") == (task.type == "generate_audio")
        assert (task.result or {})["usage"] == USAGE
        assert (task.result or {})["made_by"] == {"provider": "offline", "model": ""}
    with backend.services.database.read() as session:
        stored = list(session.scalars(select(Asset)))
    assert [(asset.details or {})["made_by"]["provider"] for asset in stored if asset.shot_id] == ["offline"] * 4
    assert cost(backend, created.project_id) == "0.5"
    assert len(shots.of_project(backend.services, created.project_id)) == 2


@pytest.mark.parametrize("case", ["job", "result", "time"])
def test_what_a_failed_task_cost_is_counted_once(backend: Backend, case: str) -> None:
    spent = {"result": {"usage": USAGE}}
    scripts = {
        "job": failing(error="内容被拒绝", **spent),
        "result": told(b"no image at all"),
        "time": Script([{"status": "processing", **spent}]),
    }
    backend.node.script("generate_shot", lambda _e: scripts[case])
    backend.node.stops_when_cancelled = False
    backend.clock = clock = MovedClock()
    backend.start()
    created = backend.create(1)
    if case == "time":
        wait_until(lambda: tasks.get(backend.services, created.shot_task_ids[0]).job_id, PATIENCE_S)
        clock.moved = timedelta(minutes=backend.settings.worker.timeout_minutes + 1)
    backend.wait(created.shot_task_ids[0], "failed")
    task = tasks.get(backend.services, created.shot_task_ids[0])
    assert (task.result or {})["usage"] == USAGE
    assert cost(backend, created.project_id) == "0.1"


def test_what_a_job_cost_whose_result_found_no_room_is_counted_beside_the_next_ones(backend: Backend) -> None:
    waiting = [failing(error="模型节点的磁盘空间不足", result={"usage": USAGE}), told(png())]
    backend.node.script("generate_shot", lambda _e: waiting.pop(0))
    backend.node.dialect = dataclasses.replace(OURS, one_job_per_task=False)  # ours forgets such a job
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "finished")
    assert waiting == []
    assert cost(backend, created.project_id) == "0.2"


def cost(backend: Backend, project_id: str) -> str:
    answer = create_app(backend.services).test_client().get(f"/v1/api/projects/{project_id}").get_json()
    return str(answer["project_detail"]["cost"])


@pytest.mark.parametrize("message", ["Job finished", "完成", "", "完成 100%，很好"])
@others_by_soak
def test_other_words_of_a_node_do_not_get_into_the_message(backend: Backend, message: str) -> None:
    backend.node.script("generate_shot", lambda _e: told(png(), message))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "finished")
    assert tasks.get(backend.services, created.shot_task_ids[0]).message == "图片已生成"


@pytest.mark.parametrize(
    ("code", "begins"), [(903, "没有可用的模型（903）：额度用完"), (0, "模型节点执行失败：额度用完")]
)
@others_by_soak
def test_no_provider_that_could_is_an_error_of_its_own(backend: Backend, code: int, begins: str) -> None:
    backend.node.script("generate_shot", lambda _e: failing(error="额度用完", code=code))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "failed")
    assert tasks.get(backend.services, created.shot_task_ids[0]).error == begins
