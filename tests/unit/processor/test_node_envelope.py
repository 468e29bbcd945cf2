"""The envelope that carries a task to a node."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from models.task import Task, TaskStatus, TaskType
from processor import node_envelope
from service.schemas import NarrationRequest, ShotChanges
from service.workflow import payloads

KEYS = [
    "id",
    "project_id",
    "shot_id",
    "type",
    "status",
    "progress",
    "message",
    "parameters",
    "result",
    "error",
    "estimated_duration",
    "started_at",
    "finished_at",
    "created_at",
    "updated_at",
]
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)


def task(type_: TaskType, given: dict[str, Any]) -> Task:
    return Task(
        id="t1",
        project_id="p1",
        shot_id="s1",
        type=type_,
        status=TaskStatus.PROCESSING,
        parameters=given,
        created_at=MOMENT,
        updated_at=MOMENT,
    )


def test_the_keys_are_those_of_the_contract() -> None:
    built = node_envelope.build(
        task(TaskType.IMAGE, payloads.image("s1", prompt="a cat", depends_on=["t0"])), foreign=False
    )
    assert list(built) == KEYS
    assert (built["id"], built["project_id"], built["shot_id"], built["type"]) == ("t1", "p1", "s1", "generate_shot")
    assert (built["status"], built["created_at"]) == ("processing", "2026-01-02T03:04:05Z")
    assert built["started_at"] == built["finished_at"] == "0001-01-01T00:00:00Z"


def test_types_are_those_of_the_task() -> None:
    shot = node_envelope.build(task(TaskType.IMAGE, payloads.image("s1", prompt="a cat", depends_on=[])), foreign=True)[
        "parameters"
    ]["shot"]
    assert (shot["image_width"], shot["image_height"], shot["generate_tts"]) == ("1024", "1024", False)


def test_groups_of_empty_values_stay_at_home() -> None:
    built = node_envelope.build(task(TaskType.STORYBOARD, payloads.storyboard("从前", "水墨", 3)), foreign=True)
    assert built["parameters"] == {"shot_defaults": {"shot_count": 3, "style": "水墨", "storyText": "从前"}}


def test_what_is_the_servers_own_stays_at_home() -> None:
    given = {**payloads.image("s1", prompt="a cat", depends_on=["t0"]), "film": {"mode": "final"}, "shots": ["s1"]}
    assert set(node_envelope.build(task(TaskType.IMAGE, given), foreign=False)["parameters"]) == {"shot", "depends_on"}


def test_a_foreign_node_finds_the_narration_in_the_shots_prompt() -> None:
    given = payloads.narration(NarrationRequest(voice="v"), shot_id="s1", text="下雨了。")
    foreign = node_envelope.build(task(TaskType.NARRATION, given), foreign=True)["parameters"]
    ours = node_envelope.build(task(TaskType.NARRATION, given), foreign=False)["parameters"]
    assert foreign["shot"]["prompt"] == "下雨了。"
    assert "prompt" not in ours["shot"]
    assert (
        foreign["tts"]
        == ours["tts"]
        == {"voice": "v", "lang": "", "sample_rate": 0, "format": "mp3", "text": "下雨了。"}
    )
    assert "prompt" not in given["shot"]  # the row's own parameters are not touched


def test_parameters_that_are_given_stand_in_for_the_tasks_own() -> None:
    built = node_envelope.build(
        task(TaskType.FILM, {"shot": {"prompt": "old"}}), {"shot": {"prompt": "new"}}, foreign=False
    )
    assert built["parameters"] == {"shot": {"prompt": "new"}}


def test_wishes_for_the_model_go_to_our_own_node_only() -> None:
    wishes = ShotChanges(seed=0, steps=4, cfg_scale=1.5, negative_prompt="blurred", model="m").wishes()
    assert set(wishes) == {"seed", "steps", "cfg_scale", "negative_prompt", "model"}
    given = payloads.image("s1", prompt="a cat", depends_on=[], wishes=wishes)
    ours = node_envelope.build(task(TaskType.IMAGE, given), foreign=False)["parameters"]["shot"]
    foreign = node_envelope.build(task(TaskType.IMAGE, given), foreign=True)["parameters"]["shot"]
    assert ours == {**foreign, **wishes}
    assert foreign == payloads.image("s1", prompt="a cat", depends_on=[])["shot"]


def test_who_tells_the_story_is_told_to_our_own_node_only() -> None:
    given = payloads.storyboard("从前", "水墨", 3, telling="told")
    ours = node_envelope.build(task(TaskType.STORYBOARD, given), foreign=False)["parameters"]["shot_defaults"]
    foreign = node_envelope.build(task(TaskType.STORYBOARD, given), foreign=True)["parameters"]["shot_defaults"]
    assert ours == {**foreign, "telling": "told"}
    assert "telling" not in payloads.storyboard("从前", "水墨", 3)["shot_defaults"]
