"""What a project chose is followed by its later tasks and films, and by nothing before."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from tests.integration.film import material
from tests.integration.processor import test_one_call
from tests.integration.processor.conftest import Backend
from tests.integration.processor.test_one_call import SMALL, V1, tasks_of
from tests.support.node.scripts import finished, png, wav

client, settings = test_one_call.client, test_one_call.settings
__all__ = ["client", "settings"]
FPS = SMALL["fps"]
OPTIONS = {
    "language": "en-US",
    "voice": "alice",
    "seed": 7,
    "music": "auto",
    "subtitle_style": {"size": 1.5, "Color": "#ff0000", "position": "top"},
}
PLAIN = {"size": 1.0, "colour": "#FFFFFF", "outline": 1.0, "karaoke": False, "position": "bottom"}


def of_type(client: FlaskClient, created: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [task for task in tasks_of(client, created) if task["type"] == kind]


def options(client: FlaskClient, created: dict[str, Any]) -> dict[str, Any]:
    return dict(client.get(f"{V1}/projects/{created['project_id']}").get_json()["options"])


def film(backend: Backend, client: FlaskClient, created: dict[str, Any], **sent: Any) -> dict[str, Any]:
    """The log of a new film."""
    path = f"{V1}/projects/{created['project_id']}"
    answer = client.post(f"{path}/video", json={**SMALL, "resolution": "640x360", **sent})
    backend.wait(answer.get_json()["task_id"], "finished", timeout=120)
    number = client.get(f"{path}/films").get_json()["films"][0]["number"]
    log: dict[str, Any] = json.loads(backend.stored(f"projects/{created['project_id']}/films/{number}.log.json"))
    return log | {"number": number}


def red_in_first_cue(backend: Backend, created: dict[str, Any], number: int, folder: Path) -> list[np.ndarray]:
    """Where the frames are red in which the film's first subtitle is shown."""
    stem = f"projects/{created['project_id']}/films/{number}"
    (folder / "film.mp4").write_bytes(backend.stored(f"{stem}.mp4"))
    times = re.findall(r"00:00:(\d\d),(\d\d\d)", backend.stored(f"{stem}.srt").decode())[:2]
    first, last = (round((int(second) + int(thousandth) / 1000) * FPS) for second, thousandth in times)
    frames = material.decode(folder / "film.mp4")[first + 1 : last - 1].astype(int)
    return [frame[..., 0] - frame[..., 1] > 150 for frame in frames]


def spoken(words: list[list[Any]]) -> Any:
    script = finished(wav(2.0))
    script.reports[-1]["result"] = {"resource_url": "/files/{job}", "words": words}
    return script


def test_every_later_task_and_film_follows_the_options(backend: Backend, client: FlaskClient, tmp_path: Path) -> None:
    backend.node.script("generate_audio", lambda _e: spoken([["旁", 0.4, 0.6], ["白", 1.0, 1.2], ["1", 1.2, 1.4]]))
    backend.node.script("generate_shot", lambda _e: finished(png((20, 60, 20), (640, 360))))
    story = {"StoryText": "从前有座山。山里有座庙。", "ShotCount": 2}
    created = client.post(f"{V1}/projects", json={**story, **OPTIONS, "film": SMALL}).get_json()
    assert options(client, created) == {
        "title": "",
        "aspect": "",
        "telling": "",
        **OPTIONS,
        "subtitle_style": PLAIN | {"size": 1.5, "colour": "#FF0000", "position": "top"},
    }
    backend.start()
    backend.wait(created["film_task_id"], "finished", timeout=120)
    images = of_type(client, created, "generate_shot")
    assert [task["parameters"]["shot"]["seed"] for task in images] == [7, 8]
    tts = [task["parameters"]["tts"] for task in of_type(client, created, "generate_audio")]
    assert {(each["voice"], each["lang"]) for each in tts} == {("alice", "en-US")}
    [asked] = of_type(client, created, "generate_video")
    assert "音乐" in asked["message"], "auto was tried"
    assert "subtitle_style" not in asked["parameters"]["film"]

    first = film(backend, client, created, music="none")
    red = red_in_first_cue(backend, created, first["number"], tmp_path)
    assert all(frame[:120].sum() > 50 for frame in red)
    assert sum(frame[120:].sum() for frame in red) == 0
    again = film(backend, client, created, music="none")
    assert again["segments_made"] == 0

    path = f"{V1}/projects/{created['project_id']}"
    changed = client.patch(
        path, json={"subtitle_style": {"position": "bottom", "karaoke": True, "size": None}, "seed": ""}
    )
    assert changed.status_code == 200, changed.text
    style = PLAIN | {"colour": "#FF0000", "karaoke": True}
    assert (changed.get_json()["options"]["subtitle_style"], changed.get_json()["options"]["seed"]) == (style, None)
    third = film(backend, client, created)
    assert third["segments_made"] > 0, "the cache's key follows the look"
    red = red_in_first_cue(backend, created, third["number"], tmp_path)
    assert sum(frame[:180].sum() for frame in red) == 0
    assert red[0].sum() < 0.8 * red[-1].sum(), "word by word"
    ass = backend.stored(f"projects/{created['project_id']}/films/{third['number']}.ass").decode()
    assert "{\\k" in ass
    assert "&H000000FF" in ass

    shot = client.get(f"{path}/shots").get_json()["shots"][0]["id"]
    painted = client.post(f"{path}/shots/{shot}", json={"prompt": "a"}).get_json()["task_id"]
    assert "seed" not in client.get(f"{V1}/tasks/{painted}").get_json()["task"]["parameters"]["shot"]
    client.patch(path, json={"seed": 20, "voice": "bob", "aspect": "9:16", "title": "山"})
    again_ = client.post(f"{path}/shots/{shot}", json={"prompt": "b"}).get_json()["task_id"]
    wanted = client.get(f"{V1}/tasks/{again_}").get_json()["task"]["parameters"]["shot"]
    assert (wanted["seed"], wanted["image_width"]) == (20, "768")
    clip = client.post(f"{path}/video", json={"shot_id": shot, "seed": 3}).get_json()["task_id"]
    assert client.get(f"{V1}/tasks/{clip}").get_json()["task"]["parameters"]["shot"]["seed"] == 3
    speech = client.post(f"{path}/tts", json={"voice": "carol"}).get_json()["task_id"]
    assert client.get(f"{V1}/tasks/{speech}").get_json()["task"]["parameters"]["tts"]["voice"] == "carol"
    assert client.get(path).get_json()["project_detail"]["title"] == "山"


def test_a_project_without_options_has_none_and_its_tasks_say_nothing_of_them(client: FlaskClient) -> None:
    created = client.post(f"{V1}/projects", json={"StoryText": "一。", "ShotCount": 1}).get_json()
    empty = dict.fromkeys(("title", "aspect", "telling", "language", "voice", "music"), "")
    assert options(client, created) == {**empty, "seed": None, "subtitle_style": PLAIN}
    [image] = of_type(client, created, "generate_shot")
    assert "seed" not in image["parameters"]["shot"]
    path = f"{V1}/projects/{created['project_id']}"
    before = tasks_of(client, created)
    assert client.patch(path, json={"aspect": "1:1", "telling": "told"}).status_code == 200
    assert client.patch(path, json={}).get_json()["options"]["aspect"] == "1:1"
    assert client.patch(path, query_string={"subtitle_style": '{"outline": 2}'}).status_code == 200
    assert options(client, created)["subtitle_style"] == PLAIN | {"outline": 2.0}
    cleared = client.patch(path, json={"aspect": None, "telling": "", "subtitle_style": None})
    assert cleared.get_json()["options"] == {**empty, "seed": None, "subtitle_style": PLAIN}
    assert tasks_of(client, created) == before, "nothing was begun"
    assert client.patch(f"{V1}/projects/nobody", json={"seed": 1}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "field", "word"),
    [
        ({"seed": -1}, "seed", "0"),
        ({"seed": 2**53}, "seed", "9007199254740991"),
        ({"Seed": 1.5}, "Seed", "整数"),
        ({"language": "中文"}, "language", "语言代码"),
        ({"language": "a" * 17}, "language", ""),
        ({"voice": "v" * 65}, "voice", "64"),
        ({"voice": "a\x00"}, "voice", "NUL"),
        ({"music": "77"}, "music", "77"),
        ({"aspect": "2:1"}, "aspect", "16:9"),
        ({"telling": "sung"}, "telling", "verbatim"),
        ({"title": "t" * 201}, "title", "200"),
        ({"subtitle_style": "x"}, "subtitle_style", "JSON 对象"),
        ({"subtitle_style": {"size": 3}}, "subtitle_style.size", "2"),
        ({"subtitle_style": {"colour": "red"}}, "subtitle_style.colour", "#RRGGBB"),
        ({"subtitleStyle": {"outline": 9}}, "subtitleStyle.outline", "3"),
        ({"subtitle_style": {"position": "left"}}, "subtitle_style.position", "top"),
        ({"subtitle_style": {"karaoke": "perhaps"}}, "subtitle_style.karaoke", "true"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused_by_name(
    client: FlaskClient, sent: dict[str, Any], field: str, word: str
) -> None:
    created = client.post(f"{V1}/projects", json={"StoryText": "一。", "ShotCount": 1}).get_json()
    path, before = f"{V1}/projects/{created['project_id']}", options(client, created)
    for answer in (client.patch(path, json=sent), client.post(f"{V1}/projects", json={"StoryText": "一。", **sent})):
        assert (answer.status_code, answer.get_json()["field"]) == (400, field), answer.text
        assert word in answer.get_json()["error"]
    assert options(client, created) == before
    assert client.get(f"{V1}/projects").get_json()["total"] == 1
