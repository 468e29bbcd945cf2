"""A story with pictures and clips by model servers: every part of ours real, the servers stand-ins over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e import film_facts
from tests.e2e.client import Client
from tests.support.model_servers.base import ModelServer
from tests.support.model_servers.comfyui import ComfyUI
from tests.support.model_servers.openai_images import OpenAIImages
from tests.support.model_servers.openai_videos import OpenAIVideos
from tests.support.server_process import ServerUnderTest

STORY = "从前有一只小狐狸住在森林里。夜里，它看见月亮落进湖中。"
SETTINGS = {"film.resolution": "160x90", "film.fps": 10}
KEY = "sk-very-secret"
WISHES = {"seed": 7, "negative_prompt": "blurred", "steps": 4, "cfg_scale": 1.5}


@dataclass
class Models:
    """The servers that paint and animate, and the node's settings for them."""

    painter: ModelServer
    animator: ModelServer
    node: dict[str, Any]


@contextmanager
def openai() -> Iterator[Models]:
    with OpenAIImages(key=KEY) as images, OpenAIVideos(key=KEY, exact_reference=True) as videos:
        common = {"model": "stand-in", "key": KEY}
        t2i = {"openai": {"base": images.base, "price": {"images": "0.5"}, **common}}
        yield Models(images, videos, {"t2i": [t2i], "i2v": [{"openai": {"base": videos.base, **common}}]})


@contextmanager
def comfyui() -> Iterator[Models]:
    with ComfyUI(checkpoints=["sd_turbo.safetensors", "svd.safetensors"]) as server:
        own = {"comfyui": {"base": server.url, "sizes": ["320x184"]}}
        yield Models(server, server, {"t2i": [own], "i2v": [own]})


def orders(models: Models) -> tuple[int, int]:
    """How many pictures and clips were made, and paid for."""
    if isinstance(models.painter, ComfyUI):
        kinds = [len(job.workflow) for job in models.painter.jobs.values()]
        return kinds.count(7), kinds.count(8)
    return sum(models.painter.charged.values()), sum(models.animator.charged.values())


@pytest.mark.parametrize("kind", [openai, comfyui])
def test_a_story_becomes_a_film_of_their_pictures_and_clips(tmp_path: Path, kind: Any) -> None:
    with ExitStack() as stack:
        models: Models = stack.enter_context(kind())
        config = tmp_path / "config.yaml"
        config.write_text(yaml.safe_dump({"node": {**models.node, "tts": ["offline"]}}))
        server = stack.enter_context(ServerUnderTest(tmp_path, SETTINGS, config=str(config)))
        client = Client([server.url], tmp_path)
        body = {"Title": "t", "StoryText": STORY, "ShotCount": 2, "aspect": "16:9"}
        created = client.post("/v1/api/projects", body)
        project = created["project_id"]
        client.wait(created["text_task_id"])
        for task in client.tasks(project):
            client.wait(task["id"])
        shots = client.get(f"/v1/api/projects/{project}")["shots"]
        assert orders(models) == (2, 0)
        for shot in shots:
            wanted = {"shot_id": shot["id"], "resolution": "160x90", "fps": 8, **WISHES}
            clip = client.wait(client.post(f"/v1/api/projects/{project}/video", wanted)["task_id"])
            assert clip["message"] == "视频片段已生成"
            made_by = clip["result"]["made_by"]
            assert (made_by["provider"], made_by["seed"]) == (kind.__name__, 7)
            assert WISHES.items() <= clip["parameters"]["shot"].items()
        path, film = client.film(project)
        assert orders(models) == (2, 2)
        assert "代替" not in film["message"]
        for frame in film_facts.frames(path):
            assert frame.mean() > 4, "a black frame"
        detail = client.get(f"/v1/api/projects/{project}")["project_detail"]
        assert detail["cost"] == ("1" if kind is openai else "")
        assert KEY not in server.log.read_text()
