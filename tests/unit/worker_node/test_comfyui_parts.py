"""ComfyUI without a server: workflows and their places, what a server lacks, what history and socket say."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_servers.pictures import picture
from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.clip_check import looked_at
from worker_node.providers.comfyui import animator
from worker_node.providers.comfyui.animator import write_animation
from worker_node.providers.comfyui.history import File, Outcome, picture_file, read_history
from worker_node.providers.comfyui.progress import Progress
from worker_node.providers.comfyui.running import WORKFLOWS, fetched
from worker_node.providers.comfyui.workflow import filled, lacks, model_of, options_of, places_of, read_workflow


def workflow(**inputs: Any) -> dict[str, dict[str, Any]]:
    return {"1": {"class_type": "A", "inputs": inputs, "_meta": {"title": "%prompt%"}}}


def test_places_are_filled_in_where_they_stand_and_nowhere_else() -> None:
    before = workflow(
        text="%prompt%",
        more="a %prompt%, %negative%!",
        seed="%seed%",
        steps="%steps%",
        cfg="%cfg=1.5%",
        list=["%width%", 0],
        link=["2", 0],
        deep={"x": "%height%"},
        unknown="%nothing% 100%",
        percent="%model=a b.ckpt%",
    )
    values = {"prompt": 'x "%seed%" \\ %cfg%', "seed": 7, "width": 64, "height": 32, "steps": None, "model": ""}
    after = filled(before, values)["1"]["inputs"]
    assert after["text"] == values["prompt"], "neither its quotes nor its places mean anything"
    assert after["more"] == f"a {values['prompt']}, !"
    assert (after["seed"], after["steps"], after["cfg"], after["list"]) == (7, 20, 1.5, [64, 0])
    assert (after["link"], after["deep"], after["unknown"]) == (["2", 0], {"x": 32}, "%nothing% 100%")
    assert after["percent"] == "a b.ckpt"
    assert before["1"]["inputs"]["seed"] == "%seed%", "the next job begins with places again"
    json.dumps(after)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("sd_turbo.json", {"prompt", "negative", "seed", "width", "height", "steps", "cfg", "model"}),
        ("svd.json", {"image", "seed", "width", "height", "steps", "cfg", "model"}),
    ],
)
def test_the_examples_have_their_places(name: str, places: set[str]) -> None:
    example = read_workflow(WORKFLOWS / name)
    assert places_of(example) == places
    assert model_of(filled(example, {})) == name.replace(".json", ".safetensors")
    assert model_of(workflow(text="a")) == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "不是 JSON"),
        ("[]", "不是 ComfyUI 的 API 格式"),
        ("{}", "不是 ComfyUI 的 API 格式"),
        ('{"1": {"inputs": {}}}', "不是 ComfyUI 的 API 格式"),
        ('{"nodes": [], "links": []}', "导出"),
        ("[" * 100_000, "不是 JSON"),
    ],
)
def test_a_file_that_is_no_workflow_is_told_from_one(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ProviderUnable, match=f"工作流 a.json .*{said}"):
        read_workflow(tmp_path / "a.json")


def test_a_workflow_may_be_wrapped_as_it_is_posted_and_one_that_is_missing_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"prompt": workflow(text="a")}), encoding="utf-8-sig")
    assert read_workflow(tmp_path / "a.json") == workflow(text="a")
    with pytest.raises(ProviderUnable, match="无法读取"):
        read_workflow(tmp_path / "b.json")


def test_what_is_missing_is_named_in_either_form_of_the_list() -> None:
    for told in ([["a.ckpt", "b.ckpt"], {}], ["COMBO", {"options": ["a.ckpt", "b.ckpt"]}]):
        info = {"A": {"input": {"required": {"ckpt_name": told, "seed": ["INT", {}]}, "optional": {"mode": told}}}}
        assert lacks(workflow(ckpt_name="a.ckpt", seed=1), info) == []
        assert lacks(workflow(ckpt_name="c.ckpt", mode="d"), info) == [
            "节点 1 缺少输入 seed",
            "节点 1 的 ckpt_name 没有 c.ckpt（有：a.ckpt、b.ckpt）",
            "节点 1 的 mode 没有 d（有：a.ckpt、b.ckpt）",
        ]
    assert lacks(workflow(), {}) == ["缺少节点类 A（节点 1）"]
    assert lacks(workflow(), {"A": {"input": None}}) == []
    assert [options_of(spec) for spec in (None, [], ["INT", {}], ["COMBO"], ["COMBO", {}])] == [None] * 5


def entry(**more: Any) -> dict[str, Any]:
    file = {"filename": "a.png", "subfolder": "s", "type": "output"}
    return {"j": {"outputs": {"9": {"images": [file]}}, "status": {"status_str": "success", "completed": True}, **more}}


def failed(*messages: Any) -> dict[str, Any]:
    return entry(status={"status_str": "error", "completed": False, "messages": list(messages)})


@pytest.mark.parametrize("found", [{}, None, [], {"j": None}, {"k": entry()["j"]}])
def test_a_job_that_the_history_has_not_has_no_outcome(found: Any) -> None:
    assert read_history(found, "j") is None


def test_files_are_found_in_every_list_and_finished_ones_come_first() -> None:
    assert read_history(entry(), "j") == Outcome((File("a.png", "s", "output"),))
    outputs = {
        "1": {"images": [{"filename": "t.png", "type": "temp"}, {"filename": ""}, None]},
        "2": {"gifs": [{"filename": "a.mp4", "subfolder": None, "type": "output"}], "text": ["x"]},
        "3": None,
    }
    assert read_history(entry(outputs=outputs), "j") == Outcome((File("a.mp4", "", "output"),))
    del outputs["2"]
    assert read_history(entry(outputs=outputs, status=None), "j") == Outcome((File("t.png", "", "temp"),))
    assert read_history(entry(outputs={}), "j") == Outcome()
    assert read_history(entry(outputs={}, status={"completed": False}), "j") is None


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "没有给出原因"),
        ([None, ["execution_start", {}], ["x"]], "没有给出原因"),
        ([["execution_interrupted", {}]], "被中断"),
        ([["execution_error", {"exception_message": "bad\x00 tensor", "node_type": "K"}]], "执行失败（K）：bad tensor"),
        ([["execution_error", {"exception_type": "torch.OutOfMemoryError: out of memory"}]], "显存不足"),
        ([["execution_error", {}]], "没有给出原因"),
    ],
)
def test_why_a_job_failed_is_told(messages: list[Any], said: str) -> None:
    outcome = read_history(failed(*messages), "j")
    assert outcome is not None
    assert said in outcome.error


def test_the_picture_among_the_files() -> None:
    files = (File("a.txt", "", "output"), File("noending", "", "output"), File("b.PNG", "", "output"))
    assert picture_file(files) == files[2]
    assert picture_file(files[:2]) is None


def test_only_what_is_said_of_the_job_counts() -> None:
    told: list[int] = []
    progress = Progress("ws://nowhere", {}, told.append)

    def hear(type_: str, **data: Any) -> bool:
        progress.hear(json.dumps({"type": type_, "data": data}))
        return progress.wake.is_set()

    hear("progress", value=1, max=2, prompt_id="j")
    assert told == [], "nobody's job yet"
    progress.prompt_id = "j"
    for value, most in ((1, 4), (9, 4), (None, 4), (1, 0), ("1", "2"), (-1, 4)):
        hear("progress", value=value, max=most, prompt_id="j")
    assert told == [25, 100, 0]
    for message in (b"\x00\x01", "{", "[1]", "null", '{"type": "status", "data": null}', '{"data": {}}'):
        progress.hear(message)
    assert not hear("executing", node=None, prompt_id="another")
    assert not hear("executing", node="3", prompt_id="j")
    assert hear("executing", node=None, prompt_id="j")


@pytest.mark.parametrize("form", ["WEBP", "GIF"])
def test_animated_pictures_become_clips(tmp_path: Path, form: str) -> None:
    out = io.BytesIO()
    stills = [picture(97, 64, f"street {number}") for number in range(6)]
    stills[0].save(out, form, save_all=True, append_images=stills[1:], duration=200)
    write_animation(out.getvalue(), tmp_path / "clip.mp4")
    facts = looked_at(tmp_path / "clip.mp4")
    assert (facts.size, facts.frames, float(facts.rate)) == ((96, 64), 6, 5.0)
    with pytest.raises(BrokenAnswer, match="打不开或不完整"):
        write_animation(out.getvalue()[: len(out.getvalue()) // 2], tmp_path / "clip.mp4")


def test_a_clip_that_is_endless_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animator, "MAX_FRAMES", 3)
    out = io.BytesIO()
    stills = [picture(96, 64, f"street {number}") for number in range(5)]
    stills[0].save(out, "GIF", save_all=True, append_images=stills[1:])
    with pytest.raises(BrokenAnswer, match="过长"):
        write_animation(out.getvalue(), tmp_path / "clip.mp4")


def test_what_fails_is_fetched_three_times() -> None:
    asked = []

    def get() -> bytes:
        asked.append(1)
        raise ProviderUnable("away")

    with pytest.raises(ProviderUnable, match="away"):
        fetched(get)
    assert len(asked) == 3
