"""A story becomes a film: every part real, embedded or not, looked at as a client and as a viewer would."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.e2e import deployment, film_facts
from tests.e2e.client import Client
from tests.e2e.deployment import Deployment
from tests.support.columns import Production

STORIES = {
    "chinese": ("从前有一只小狐狸住在森林里。清晨，太阳照在雪山上。夜里，它看见月亮落进湖中。老猫头鹰笑了。", 2),
    "english": (
        "A girl lived by the sea. At night Mr. Brown lit the lighthouse. In the morning, a red boat came home.",
        2,
    ),
    "mixed": ("小机器人 Robbie 会说 hello world。它在沙漠里种了一棵树！Then it rained for 3.5 days.", 2),
    "one sentence": ("一条龙飞过城堡。", 1),
}
SETTINGS = {"film.resolution": "320x180", "film.fps": 15}
WHERE = {"embedded": STORIES, "all_in_one": ["mixed"], "apart": ["mixed", "chinese"]}
"""Each deployment below, with the stories that are told there."""
IN_SHORT = {("embedded", "chinese"), ("apart", "mixed")}
"""Told with all tests: everything in one place, and everything apart. The others are told by `make soak`."""


@dataclass
class Studio:
    """A client and what it is a client of."""

    client: Client
    deployment: Deployment

    def stored_log(self, project: str, number: int) -> Any:
        """The log stored beside a film."""
        return self.deployment.read_json(f"projects/{project}/films/{number}.log.json")


@contextmanager
def opened(running: AbstractContextManager[Deployment], folder: Path) -> Iterator[Studio]:
    with running as found:
        yield Studio(Client([process.url for process in found.servers], folder), found)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Everything embedded."""
    folder = tmp_path_factory.mktemp("embedded")
    with opened(deployment.embedded(folder, SETTINGS), folder) as studio:
        yield studio


@pytest.fixture(scope="module")
def all_in_one(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One server, over MariaDB, Redis, MinIO and a node of their own."""
    folder = tmp_path_factory.mktemp("all-in-one")
    with opened(deployment.all_in_one(folder, production, SETTINGS), folder) as studio:
        yield studio


@pytest.fixture(scope="module")
def apart(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """Two servers and two processors, over the same."""
    folder = tmp_path_factory.mktemp("apart")
    with opened(deployment.apart(folder, production, {**SETTINGS, "worker.concurrency": 1}), folder) as studio:
        yield studio


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        pytest.param(where, kind, marks=() if (where, kind) in IN_SHORT else pytest.mark.soak)
        for where, kinds in WHERE.items()
        for kind in kinds
    ],
)
def test_the_film_shows_each_shots_image_and_says_its_words(
    request: pytest.FixtureRequest, where: str, kind: str
) -> None:
    studio: Studio = request.getfixturevalue(where)
    client = studio.client
    story, count = STORIES[kind]
    created = client.create(kind, story, count)
    project = created["project_id"]
    client.wait(created["text_task_id"])
    path, task = client.film(project)
    view = client.get(f"/v1/api/projects/{project}")
    shots = view["shots"]
    assert "".join("".join(shot["narration"] for shot in shots).split()) == "".join(story.split())
    timings = studio.stored_log(project, 1)["shots"]
    assert [timing["order"] for timing in timings] == [shot["order"] for shot in shots]

    _lengths_add_up(client, path, task, view, timings)
    images = film_facts.frames(path)
    for frame in images:
        assert frame.mean() > 4, "a black frame"
    sound = film_facts.samples(path)
    for shot, timing in zip(shots, timings, strict=True):
        _shows_its_image(client, images, shots, shot, timing)
        _says_its_words(client, sound, shots, shot, timing)
    _everybody_took_part(studio, client.tasks(project))


def _everybody_took_part(studio: Studio, tasks: Any) -> None:
    """Each server answered, each processor worked, and no task was taken twice."""
    assert set(studio.client.answered) == {server.url for server in studio.deployment.servers}
    taken = [processor.claimed() for processor in studio.deployment.processors]
    assert all(taken)
    if taken:
        wanted = {task["id"] for task in tasks}
        assert sorted(id_ for id_ in itertools.chain(*taken) if id_ in wanted) == sorted(wanted)


def _lengths_add_up(client: Client, path: Path, task: Any, view: Any, timings: Any) -> None:
    lengths = film_facts.seconds(path)
    assert set(lengths) == {"video", "audio"}
    assert abs(lengths["video"] - lengths["audio"]) < 0.1
    assert abs(lengths["video"] - timings[-1]["end"]) < 0.1
    assert all(abs(one["end"] - other["start"]) < 1e-6 for one, other in itertools.pairwise(timings))
    for shot, timing in zip(view["shots"], timings, strict=True):
        narration = len(film_facts.samples(client.fetch(shot["audioPath"]))) / film_facts.RATE
        assert abs((timing["speech_end"] - timing["speech_start"]) - narration) < 0.2
        assert timing["start"] <= timing["speech_start"] < timing["speech_end"] <= timing["end"]
    detail = view["project_detail"]
    assert detail["status"] == "ready"
    assert detail["duration"] == round(lengths["video"])
    assert client.fetch(detail["videoUrl"]).read_bytes() == path.read_bytes()
    assert client.fetch(detail["coverImage"]).stat().st_size > 1000
    assert task["result"]["resource_type"] == "video"


def _shows_its_image(client: Client, images: list[film_facts.Frame], shots: Any, shot: Any, timing: Any) -> None:
    middle = int((timing["start"] + timing["end"]) / 2 * 15)
    scores = {other["id"]: film_facts.best_match(images[middle], client.fetch(other["imagePath"])) for other in shots}
    assert max(scores, key=lambda shot_id: scores[shot_id]) == shot["id"], scores
    assert scores[shot["id"]] > 0.8
    moved = np.abs(images[middle].astype(int) - images[middle - 12].astype(int))[:120].mean()
    assert moved > 0.3, "nothing moves"


def _says_its_words(client: Client, sound: film_facts.Samples, shots: Any, shot: Any, timing: Any) -> None:
    start, end = (int(timing[name] * film_facts.RATE) for name in ("speech_start", "speech_end"))
    scores = {
        other["id"]: film_facts.likeness(sound[start:end], film_facts.samples(client.fetch(other["audioPath"])))
        for other in shots
    }
    assert max(scores, key=lambda shot_id: scores[shot_id]) == shot["id"], scores
    assert scores[shot["id"]] > 0.6


def test_subtitles_are_seen_in_the_lower_band_only_and_a_second_film_replaces_nothing(embedded: Studio) -> None:
    client = embedded.client
    created = client.create("字幕", "小猫坐在屋顶上看星星。", 1)
    project = created["project_id"]
    client.wait(created["text_task_id"])
    burned, first = client.film(project)
    plain, second = client.film(project, subtitles="off")
    assert first["result"]["resource_url"].split("?")[0] != second["result"]["resource_url"].split("?")[0]
    timing = embedded.stored_log(project, 1)["shots"][0]
    at = int((timing["speech_start"] + timing["speech_end"]) / 2 * 15)
    difference = np.abs(film_facts.frames(burned)[at].astype(int) - film_facts.frames(plain)[at].astype(int))
    assert difference[130:].max() > 100, "no subtitle in the lower band"
    assert difference[:90].mean() < 2, "the upper half should be the same"
    films = client.get(f"/v1/api/projects/{project}/films")
    assert films["total_films"] == 2
    assert client.fetch(first["result"]["resource_url"]).read_bytes() == burned.read_bytes()


def test_a_portrait_project_has_portrait_images_and_a_film_and_clips_that_show_all_of_them(embedded: Studio) -> None:
    client = embedded.client
    told = {"Title": "竖屏", "StoryText": "红色的船在海上。夜里月亮升起来了。", "ShotCount": 2, "Aspect": "9:16"}
    created = client.post("/v1/api/projects", told)
    project = created["project_id"]
    for task_id in created["shot_task_ids"]:
        client.wait(task_id)
    pictures = []
    for shot in client.get(f"/v1/api/projects/{project}/shots")["shots"]:
        with Image.open(client.fetch(shot["imagePath"])) as image:
            assert image.size == (768, 1344)
            pictures.append(np.asarray(image.convert("RGB").resize((180, 320), Image.Resampling.BOX)))
    options = {"motion": "none", "subtitles": "off", "transition": "cut"}
    path, task = client.film(project, **options)
    assert task["result"]["task_video"]["resolution"] == "180x320"
    images = film_facts.frames(path)
    for picture, timing in zip(pictures, embedded.stored_log(project, 1)["shots"], strict=True):
        start, end = int(timing["start"] * 15) + 1, int(timing["end"] * 15) - 1
        for frame in images[start:end]:
            assert np.abs(frame.astype(int) - images[start]).mean() < 0.5, "the picture moves"
        assert np.abs(images[start].astype(int) - picture).mean() < 4, "the picture is not all there"
    path, task = client.film(project, shot_id=shot["id"])
    assert film_facts.frames(path)[0].shape == (320, 180, 3)
    changed = client.request("PUT", f"/v1/api/projects/{project}", json={"Aspect": "4:3"}).json()
    client.wait(changed["shot_tasks"][0])
    shot = client.get(f"/v1/api/projects/{project}/shots")["shots"][0]
    with Image.open(client.fetch(shot["imagePath"])) as image:
        assert image.size == (1216, 896)


def test_one_shots_clip_is_a_moving_image_of_it(embedded: Studio) -> None:
    client = embedded.client
    created = client.create("片段", "红色的船在海上。", 1)
    project = created["project_id"]
    client.wait(created["shot_task_ids"][0])
    [shot] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    path, task = client.film(project, shot_id=shot["id"])
    assert task["shotId"] == shot["id"]
    [shot] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    assert client.fetch(shot["videoPath"]).read_bytes() == path.read_bytes()
    images = film_facts.frames(path)
    assert film_facts.best_match(images[len(images) // 2], client.fetch(shot["imagePath"])) > 0.6
    assert np.abs(images[0].astype(int) - images[-1].astype(int)).mean() > 0.5
