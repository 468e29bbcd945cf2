"""Pictures and clips by ComfyUI: the operator's workflow, everything that jobs there do, and what comes of it."""

from __future__ import annotations

import base64
import io
import json
import signal
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode
from tests.support.model_servers.comfyui import ComfyUI
from tests.support.model_servers.pictures import encoded, picture
from tests.support.wait import wait_until
from worker_node.animating import animate
from worker_node.doctor import examine
from worker_node.errors import ProviderError, ProviderUnable
from worker_node.painting import paint
from worker_node.providers.base import ClipRequest, ImageRequest, Made, QuietRun
from worker_node.providers.clip_check import ClipFacts
from worker_node.providers.comfyui import running
from worker_node.providers.comfyui.animator import ComfyAnimator
from worker_node.providers.comfyui.painter import ComfyPainter
from worker_node.providers.settings import ProviderSettings
from worker_node.settings import parse_settings

KEY = "sk-very-secret"
MODELS = ("sd_turbo.safetensors", "svd.safetensors", "other.safetensors")
PROMPT = 'a "street" of %seed% \\ 雨'
PICTURE = encoded(picture(160, 160, "a street"))


class Run(QuietRun):
    """Notes what was used, told and remembered."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str]] = []
        super().__init__(lambda percent, text: self.told.append((percent, text)))
        self.key, self.units, self.jobs = "task", dict[str, float](), list[str]()

    def used(self, **units: float) -> None:
        self.units.update(units)

    def remember(self, provider_job: str) -> None:
        self.jobs.append(provider_job)


class Studio:
    """The stand-in with its clients."""

    def __init__(self, server: ComfyUI) -> None:
        self.server, self.run = server, Run()

    def settings(self, **more: Any) -> ProviderSettings:
        given = {"base": self.server.url, "key": KEY, "timeout_s": 20, **more}
        return ProviderSettings(provider="comfyui", label="comfyui", **given)

    def paint(self, folder: Path, client: ComfyPainter | None = None, **wanted: Any) -> Made:
        request = ImageRequest(**{"prompt": PROMPT, "width": 672, "height": 384, **wanted})
        made = paint(client or ComfyPainter(self.settings()), request, folder / "image.png", self.run)
        with Image.open(folder / "image.png") as image:
            assert (image.format, image.size) == ("PNG", (request.width, request.height))
        return made

    def film(self, folder: Path, client: ComfyAnimator | None = None, **wanted: Any) -> tuple[Made, ClipFacts]:
        (folder / "input").write_bytes(PICTURE)
        request = ClipRequest(folder / "input", **{"prompt": PROMPT, "width": 96, "height": 54, "fps": 8, **wanted})
        return animate(client or ComfyAnimator(self.settings(sizes=["96x56"])), request, folder / "c.mp4", self.run)

    def inputs(self, kind: str) -> dict[str, Any]:
        """What the last job's node of this class was given."""
        job = list(self.server.jobs.values())[-1]
        found: dict[str, Any] = next(node["inputs"] for node in job.workflow.values() if node["class_type"] == kind)
        return found


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr(running, "FIRST_POLL_S", 0.02)
    monkeypatch.setattr(running, "LONGEST_POLL_S", 0.1)
    monkeypatch.setattr(running, "CALL_S", 1.0, raising=False)
    with ComfyUI(checkpoints=MODELS, key=KEY) as server:
        yield Studio(server)


GOOD = ("ok", "done_at_once", "as_gifs", "as_videos", "as_temp", "gzip")
FAILS = {
    "fails": "内存或显存不足：CUDA out of memory",
    "fails_without_a_reason": "没有给出原因",
    "interrupted": "被中断",
    "id_missing": "没有给出任务编号",
    "refused_without_reasons": "Prompt outputs failed validation",
    "never_done": "2 秒内没有完成，已取消",
    "lost": "丢失了 3 次",
    "lost_later": "丢失了 3 次",
    "no_outputs": "没有输出文件（已换种子重做一次）",
}
UNABLE = (
    *("bad_request_400", "unauthorized_401", "quota_402", "forbidden_403", "rate_limited_429_until", "quota_429"),
    *("server_error_500", "html_200", "html_500", "html_502", "html_504", "html_524"),
    *("cut", "closed", "reset", "huge", "hang", "drip", "gzip_bomb", "empty_body"),
)
BUSY = ("rate_limited_429", "overloaded_503")
FILES = ("black", "blank", "cut_off_file", "empty_file", "page_as_picture", "other_size")


@pytest.mark.parametrize("behaviour", GOOD)
def test_a_picture_is_painted_by_the_example_with_its_places_filled_in(
    studio: Studio, tmp_path: Path, behaviour: str
) -> None:
    studio.server.always = behaviour
    made = studio.paint(tmp_path, seed=7, negative_prompt="blurred", style="ink")
    texts = [
        node["inputs"]["text"] for node in studio.server.jobs["prompt-1"].workflow.values() if "text" in node["inputs"]
    ]
    assert texts == [f"{PROMPT}, ink", "blurred"], "no text is read as JSON, or as a place"
    sampler = studio.inputs("KSampler")
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (7, 4, 1.0)
    assert (studio.inputs("EmptyLatentImage")["width"], studio.inputs("EmptyLatentImage")["height"]) == (680, 384)
    assert made == Made("sd_turbo.safetensors", 7, f"{PROMPT}, ink", (680, 384))
    assert (studio.run.units, studio.run.jobs, len(studio.server.jobs)) == ({"images": 1}, ["1:prompt-1"], 1)
    assert not studio.server.refused


def test_wishes_and_settings_reach_the_workflow(studio: Studio, tmp_path: Path) -> None:
    client = ComfyPainter(studio.settings(model="other.safetensors", sizes=["512x512"]))
    assert studio.paint(tmp_path, client, steps=9, cfg_scale=2.5).model == "other.safetensors"
    assert (studio.inputs("KSampler")["steps"], studio.inputs("KSampler")["cfg"]) == (9, 2.5)
    assert studio.paint(tmp_path, client, model="sd_turbo.safetensors").model == "sd_turbo.safetensors"
    assert studio.inputs("EmptyLatentImage")["width"] == 512
    seeds = {job.workflow["5"]["inputs"]["seed"] for job in studio.server.jobs.values()}
    assert len(seeds) == 1, "the job's own"


@pytest.mark.parametrize("behaviour", FAILS)
def test_a_job_that_comes_to_nothing_is_told_in_words(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.always = behaviour
    with pytest.raises(ProviderUnable) as raised:
        studio.paint(tmp_path, ComfyPainter(studio.settings(timeout_s=2.0 if behaviour == "never_done" else 20.0)))
    assert FAILS[behaviour] in str(raised.value)
    if behaviour == "never_done":
        assert [job.ended for job in studio.server.jobs.values()] == ["interrupted"]


@pytest.mark.parametrize("behaviour", ["lost", "lost_later"])
def test_a_job_that_is_lost_is_asked_for_again_with_the_same_seed(
    studio: Studio, tmp_path: Path, behaviour: str
) -> None:
    studio.server.script(behaviour)
    studio.paint(tmp_path)
    assert studio.run.jobs == ["1:prompt-1", "1:prompt-2"]
    assert len({job.workflow["5"]["inputs"]["seed"] for job in studio.server.jobs.values()}) == 1


@pytest.mark.parametrize("behaviour", UNABLE)
def test_who_cannot_is_not_asked_again(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    slow = behaviour in ("hang", "drip")
    with pytest.raises(ProviderUnable) as raised:
        studio.paint(tmp_path, ComfyPainter(studio.settings(timeout_s=2.0 if slow else 20.0)))
    assert len(studio.server.requests()) == 1
    assert str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("behaviour", BUSY)
def test_who_is_busy_is_asked_again(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    studio.paint(tmp_path)
    assert len(studio.server.jobs) == 1


@pytest.mark.parametrize("route", [ComfyUI.history, ComfyUI.queue])
@pytest.mark.parametrize("behaviour", [*UNABLE, *BUSY, "gzip"])
def test_an_error_of_a_look_starts_no_other_job(
    studio: Studio, tmp_path: Path, behaviour: str, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker_node.providers.comfyui.client.CALL_S", 0.5)
    studio.server.script("ok", behaviour, on=route)
    studio.server.script("silent", on=ComfyUI.socket)
    studio.paint(tmp_path)
    assert len(studio.server.jobs) == 1


@pytest.mark.parametrize("behaviour", FILES)
def test_a_picture_that_is_wrong_is_made_again_with_another_seed(
    studio: Studio, tmp_path: Path, behaviour: str
) -> None:
    studio.server.script(behaviour, on=ComfyUI.view)
    made = studio.paint(tmp_path, seed=3)
    assert studio.inputs("KSampler")["seed"] == made.seed != 3
    assert len(studio.server.jobs) == 2
    studio.server.script(behaviour, behaviour, on=ComfyUI.view)
    with pytest.raises(ProviderUnable, match="已换种子重做一次"):
        studio.paint(tmp_path)


@pytest.mark.parametrize("behaviour", ["server_error_500", "cut", "closed", "html_502", "overloaded_503"])
def test_a_file_that_does_not_come_is_fetched_again(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour, on=ComfyUI.view)
    studio.paint(tmp_path)
    assert len(studio.server.jobs) == 1


@pytest.mark.parametrize("socket", ["ok", "silent", "dropped", "strange", "html_502", "unauthorized_401", "closed"])
def test_progress_comes_by_the_socket_and_its_absence_harms_nothing(
    studio: Studio, tmp_path: Path, socket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "FIRST_POLL_S", 0.5)
    studio.server.script(socket, on=ComfyUI.socket)
    studio.server.script("server_error_500", on=ComfyUI.history)  # a look would bring the job on
    studio.paint(tmp_path, steps=8)
    percents = [percent for percent, _ in studio.run.told]
    assert len(studio.server.jobs) == 1
    assert all(0 <= percent <= 99 for percent in percents)
    if socket == "ok":
        assert len({percent for percent, text in studio.run.told if text == "正在生成"}) > 3, "from the sampler's steps"


def test_what_the_server_lacks_is_named(tmp_path: Path) -> None:
    for combos in (False, True):
        with ComfyUI(lacks=["KSampler"], combos=combos) as server:
            with pytest.raises(ProviderUnable) as raised:
                Studio(server).paint(tmp_path)
            assert not server.jobs
        assert "缺少节点类 KSampler（节点 5）" in str(raised.value)
        assert "节点 1 的 ckpt_name 没有 sd_turbo.safetensors（有：stand-in.safetensors）" in str(raised.value)


def test_what_the_server_refuses_in_a_workflow_is_named(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnable, match=r"节点 5 KSampler：value bigger than max（steps: 20000"):
        studio.paint(tmp_path, steps=20_000)


def test_a_clip_is_made_of_the_picture_by_the_example(studio: Studio, tmp_path: Path) -> None:
    made, facts = studio.film(tmp_path, seed=7)
    [(name, content)] = studio.server.uploads.items()
    assert studio.inputs("LoadImage")["image"] == name
    with Image.open(tmp_path / "input") as before, Image.open(io.BytesIO(content)) as sent:
        assert (before.size, sent.size) == ((160, 160), (96, 56))
    assert (facts.size, facts.frames, facts.rate) == ((96, 54), 14, Fraction(6))
    assert (made.model, made.seed, made.asked) == ("svd.safetensors", 7, (96, 56))
    assert studio.run.units == {"seconds": 4.0}
    studio.film(tmp_path)
    assert len(studio.server.uploads) == 1, "the same picture is there already"


def node_of(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


ENDINGS = {
    "SaveAnimatedWEBP": node_of(
        "SaveAnimatedWEBP",
        **{"images": ["6", 0], "filename_prefix": "a", "fps": 6.0, "lossless": False, "quality": 90, "method": "default"},
    ),
    "VHS_VideoCombine": node_of(
        "VHS_VideoCombine",
        **{"images": ["6", 0], "frame_rate": 6, "loop_count": 0, "filename_prefix": "a", "format": "video/h264-mp4"},
        **{"pingpong": False, "save_output": True},
    ),
    "SaveImage": node_of("SaveImage", images=["6", 0], filename_prefix="a"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_operators_own_workflow_may_save_clips_otherwise(studio: Studio, tmp_path: Path, ending: str) -> None:
    workflow = json.loads((running.WORKFLOWS / "svd.json").read_text())
    del workflow["7"], workflow["8"]
    workflow["9"] = ENDINGS[ending]
    (tmp_path.with_name("own.json")).write_text(json.dumps({"prompt": workflow}))
    client = ComfyAnimator(studio.settings(workflow=str(tmp_path.with_name("own.json"))))
    _, facts = studio.film(tmp_path, client)
    assert (facts.size, facts.frames) == ((96, 54), 14)
    # Frames that are saved one by one have no rate: they are shown at the one that was asked for.
    own = 8 if ending == "SaveImage" else 6
    assert float(facts.rate) == pytest.approx(own, rel=0.02)
    assert studio.inputs("SVD_img2vid_Conditioning")["height"] == 56, "a multiple of 8"


@pytest.mark.parametrize("behaviour", ["cut_off_file", "empty_file", "page_as_picture"])
def test_a_clip_that_is_wrong_is_made_again(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour, on=ComfyUI.view)
    studio.film(tmp_path)
    assert len(studio.server.jobs) == 2


def test_a_workflow_with_its_own_size_is_not_measured_by_another(studio: Studio, tmp_path: Path) -> None:
    workflow = json.loads((running.WORKFLOWS / "sd_turbo.json").read_text())
    workflow["4"]["inputs"].update(width=96, height=96)
    own = tmp_path.with_name("own.json")
    own.write_text(json.dumps(workflow))
    assert studio.paint(tmp_path, ComfyPainter(studio.settings(workflow=str(own)))).asked is None


def test_only_our_own_job_is_ended(studio: Studio, tmp_path: Path) -> None:
    for targeted in (True, False):
        with ComfyUI(checkpoints=MODELS, targeted=targeted) as server:
            other = Studio(server)
            theirs = server.job_of_another(json.loads((running.WORKFLOWS / "sd_turbo.json").read_text()))
            with pytest.raises(ProviderUnable, match="已取消"):
                other.paint(tmp_path, ComfyPainter(other.settings(timeout_s=1.5)))
            mine = next(job for job in server.jobs.values() if job is not theirs)
            assert (theirs.ended, mine.ended, server.interrupts) == ("", "deleted", [])


def environment(server: ComfyUI, kind: str = "T2I") -> dict[str, str]:
    named = {"BASE": server.url, "KEY": KEY, "SIZES": '["96x64"]'}
    return {f"S2V_NODE_{kind}_COMFYUI_{name}": value for name, value in named.items()}


def submit(node: NodeProcess) -> str:
    return node.submit("shot", task="t", shot={"prompt": PROMPT, "image_width": "96", "image_height": "64", "seed": 7})


def test_a_killed_node_polls_the_same_job_on(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("never_done")
    node = start_node("--t2i-provider", "comfyui", env=environment(studio.server))
    job = submit(node)
    wait_until(lambda: studio.server.requests(ComfyUI.queue), PATIENCE_S, "a look")
    assert node.end(signal.SIGKILL) == -signal.SIGKILL
    studio.server.jobs["prompt-1"].behaviour = "ok"
    again = start_node("--t2i-provider", "comfyui", output=node.output, env=environment(studio.server))
    ended = again.ended(job)
    assert (ended["status"], len(studio.server.jobs)) == ("finished", 1)
    made_by = {"provider": "comfyui", "model": "sd_turbo.safetensors", "seed": 7, "prompt": PROMPT}
    assert ended["result"]["made_by"] == made_by


def test_a_cancelled_job_is_ended_at_its_server_too(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("never_done")
    node = start_node("--i2v-provider", "comfyui", env=environment(studio.server, "I2V"))
    shot = {"image_base64": base64.b64encode(PICTURE).decode()}
    job = node.submit("video", shot=shot, video={"resolution": "96x64", "fps": 8})
    wait_until(lambda: len(studio.server.requests(ComfyUI.queue)) > 2, PATIENCE_S, "some looks")
    assert node.http.delete(f"{node.url}/v1/jobs/{job}", timeout=PATIENCE_S).status_code == 200
    wait_until(lambda: studio.server.jobs["prompt-1"].ended == "interrupted", PATIENCE_S, "the job's end")
    assert studio.server.interrupts == ["prompt-1"]


def test_doctor_says_which_models_there_are_and_what_is_missing(studio: Studio, tmp_path: Path) -> None:
    def look(server: ComfyUI) -> tuple[int, str]:
        lines: list[str] = []
        options = ["--output", str(tmp_path / "out"), "--t2i-provider", "comfyui", "--tts-provider", "offline"]
        code = examine(parse_settings(options, environment(server)), lines.append)
        return code, "\n".join(lines)

    code, said = look(studio.server)
    assert code == 0, said
    assert "t2i comfyui: answers, has sd_turbo.safetensors, svd.safetensors, other.safetensors" in said
    with ComfyUI(lacks=["VAEDecode"], key=KEY) as server:
        code, said = look(server)
    assert code == 1
    assert "缺少节点类 VAEDecode" in said
    assert "没有 sd_turbo.safetensors" in said
    assert "export S2V_NODE_T2I_COMFYUI_WORKFLOW=" in said
    assert KEY not in said


def test_every_behaviour_of_the_stand_in_has_an_outcome_here() -> None:
    with ComfyUI() as server:
        assert set(server.names()) <= {*GOOD, *FAILS, *UNABLE, *BUSY}
        for route in (ComfyUI.history, ComfyUI.queue):
            assert set(server.names(route)) <= {*UNABLE, *BUSY, "gzip", "ok"}
        assert set(FILES) <= set(server.names(ComfyUI.view))
    assert issubclass(ProviderUnable, ProviderError)
