"""Every parameter of every route, in both spellings, from all three places; and how empty values, zeros and times are written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from models.task import TaskStatus
from routers.serializers import ZERO_TIME
from service.container import Services
from tests.contract.story import STORY, Told, create, finish
from tests.support.web_app import new_task

V1 = "/v1/api"
WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")

PLACES: dict[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {
    "query": lambda params: {"query_string": params},
    "json": lambda params: {"json": params},
    "json called a form": lambda params: {
        "data": json.dumps(params),
        "content_type": "application/x-www-form-urlencoded",
    },
    "form": lambda params: {"data": params},
    "multipart": lambda params: {"data": params, "content_type": "multipart/form-data"},
}
WISHES = {"seed": "7", "steps": "4", "cfg_scale": "1.5", "negative_prompt": "blurred", "model": "sd-turbo"}
SPELLINGS: dict[str, Callable[[str], str]] = {
    "snake": lambda name: name,
    "Pascal": lambda name: "".join(word.capitalize() for word in name.split("_")),
    "camel": lambda name: name.split("_")[0] + "".join(word.capitalize() for word in name.split("_")[1:]),
}


@pytest.fixture
def told(client: FlaskClient, services: Services) -> Told:
    return finish(services, create(client))


@pytest.fixture(params=[(place, spelling) for place in PLACES for spelling in SPELLINGS], ids=" ".join)
def sent(request: pytest.FixtureRequest) -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """Puts parameters into a place in a spelling."""
    place, spelling = request.param
    return lambda params: PLACES[place]({SPELLINGS[spelling](name): value for name, value in params.items()})


Sent = Callable[[Mapping[str, str]], dict[str, Any]]


def test_a_project_s(client: FlaskClient, sent: Sent) -> None:
    given = {"title": "狐狸", "story_text": STORY, "style": "水彩", "description": "说明", "shot_count": "3"}
    given["aspect"], given["telling"] = "9:16", "told"
    made = client.post(f"{V1}/projects", **sent(given)).get_json()
    body = client.get(f"{V1}/projects/{made['project_id']}").get_json()["project_detail"]
    assert {name: str(body[name]) for name in given} == given
    changed = {"title": "新", "story_text": "新的故事。", "style": "油画", "description": "另", "shot_count": "2"}
    changed["aspect"], changed["telling"] = "4:3", "verbatim"
    answer = client.put(f"{V1}/projects/{made['project_id']}", **sent(changed)).get_json()
    body = answer["project"]
    assert {name: str(body[name]) for name in changed} == changed
    assert (len(answer["shot_tasks"]), answer["deleted"]) == (2, 4)


def test_a_shot_s(client: FlaskClient, told: Told, sent: Sent) -> None:
    given = {"title": "新", "prompt": "a red fox", "transition": "fade", "narration": "新的旁白"}
    address = f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}"
    made = client.post(address, **sent({**given, "style": "油画"})).get_json()
    shot = client.get(address).get_json()["shot"]
    assert {name: shot[name] for name in given} == given
    task = client.get(f"{V1}/tasks/{made['task_id']}").get_json()["task"]
    wanted = task["parameters"]["shot"]
    assert (wanted["prompt"], wanted["transition"], wanted["style"]) == ("a red fox", "fade", "油画")
    assert not WISHES.keys() & wanted.keys(), "nobody who does not ask for them sees them"


def test_wishes_for_a_shot_s_model(client: FlaskClient, told: Told, sent: Sent) -> None:
    before = client.get(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}").get_json()["shot"]
    image = client.post(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}", **sent(WISHES)).get_json()
    clip = client.post(
        f"{V1}/projects/{told.project_id}/video", **sent({**WISHES, "shot_id": told.shot_ids[1]})
    ).get_json()
    for answer in (image, clip):
        parameters = client.get(f"{V1}/tasks/{answer['task_id']}").get_json()["task"]["parameters"]
        assert {name: str(parameters["shot"][name]) for name in WISHES} == WISHES
        assert not WISHES.keys() & parameters.get("film", {}).keys()
    after = client.get(f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}").get_json()["shot"]
    assert {name: before[name] for name in ("title", "prompt", "narration")} == {
        name: after[name] for name in ("title", "prompt", "narration")
    }


def test_a_film_s(client: FlaskClient, told: Told, sent: Sent) -> None:
    given = {"fps": "24", "resolution": "640x360", "format": "mp4", "mode": "preview", "rate_control": "cbr"}
    more = {"bitrate": "900", "first_seconds": "2.5", "subtitles": "off", "narration": "none", "fit": "blur"}
    answer = client.post(f"{V1}/projects/{told.project_id}/video", **sent({**given, **more})).get_json()
    parameters = client.get(f"{V1}/tasks/{answer['task_id']}").get_json()["task"]["parameters"]
    assert parameters["video"] == {"fps": 24, "resolution": "640x360", "format": "mp4", "bitrate": 900}
    film = {name: str(parameters["film"][name]) for name in (*given, *more)}
    assert film == {**given, **more}


def test_a_clip_s(client: FlaskClient, told: Told, sent: Sent) -> None:
    given = {"shot_id": told.shot_ids[1], "fps": "12", "resolution": "9:16"}
    answer = client.post(f"{V1}/projects/{told.project_id}/video", **sent(given)).get_json()
    task = client.get(f"{V1}/tasks/{answer['task_id']}").get_json()["task"]
    assert answer["shot_id"] == task["shotId"] == told.shot_ids[1]
    assert (task["parameters"]["video"]["fps"], task["parameters"]["video"]["resolution"]) == (12, "720x1280")


def test_a_narration_s(client: FlaskClient, told: Told, sent: Sent) -> None:
    given = {"voice": "小美", "lang": "zh", "sample_rate": "24000", "format": "wav", "speed": "1.5"}
    answer = client.post(f"{V1}/projects/{told.project_id}/tts", **sent(given)).get_json()
    tts = client.get(f"{V1}/tasks/{answer['task_id']}").get_json()["task"]["parameters"]["tts"]
    assert {name: str(tts[name]) for name in given} == given


def test_the_query_string_counts_before_the_body_but_an_empty_value_hides_nothing(client: FlaskClient) -> None:
    made = client.post(
        f"{V1}/projects?Title=query&Style=&StoryText=", json={"title": "body", "style": "水彩", "story_text": STORY}
    ).get_json()
    body = client.get(f"{V1}/projects/{made['project_id']}").get_json()["project_detail"]
    assert (body["title"], body["style"], body["storyText"]) == ("query", "水彩", STORY)


def every_time(body: Any, name: str = "") -> list[str]:
    """Every value whose name says that it is a time."""
    if isinstance(body, dict):
        return [time for key, value in body.items() for time in every_time(value, key)]
    if isinstance(body, list):
        return [time for value in body for time in every_time(value, name)]
    return [body] if name.lower().endswith(("at", "_at")) and name.lower() != "format" else []


def test_times_are_whole_seconds_with_an_offset_everywhere(client: FlaskClient, told: Told) -> None:
    addresses = [f"/projects/{told.project_id}{part}" for part in ("", "/shots", "/tasks", "/films")]
    bodies = [
        client.get(V1 + address).get_json() for address in (*addresses, "/projects", f"/tasks/{told.text_task_id}")
    ]
    bodies.append(client.put(f"{V1}/projects/{told.project_id}", json={"Title": "x"}).get_json())
    bodies.append(client.delete(f"{V1}/projects/{told.project_id}").get_json())
    times = [time for body in bodies for time in every_time(body)]
    assert len(times) > 40
    assert [time for time in times if not WHOLE_SECONDS.fullmatch(time)] == []


def test_nothing_is_null_and_what_has_not_happened_is_zero(client: FlaskClient, services: Services) -> None:
    made = client.post(f"{V1}/projects", json={"StoryText": STORY}).get_json()
    fresh = client.get(f"{V1}/projects/{made['project_id']}").get_json()
    detail = fresh["project_detail"]
    assert (detail["title"], detail["style"], detail["description"]) == ("", "", "")
    assert (detail["coverImage"], detail["videoUrl"], detail["duration"], fresh["shots"]) == ("", "", 0, [])
    bare = new_task(services, message=None, parameters=None, result=None, error=None, progress=None)
    task = client.get(f"{V1}/tasks/{bare}").get_json()["task"]
    assert (task["message"], task["error"], task["progress"], task["estimatedDuration"]) == ("", "", 0, 0)
    assert (task["startedAt"], task["finishedAt"]) == (ZERO_TIME, ZERO_TIME)
    assert task["result"] == {"resource_type": "", "resource_id": "", "resource_url": ""}
    assert "shotId" not in task
    assert None not in task.values()


@pytest.mark.parametrize("status", list(TaskStatus))
def test_no_state_is_invented_on_the_wire(client: FlaskClient, services: Services, status: TaskStatus) -> None:
    task = client.get(f"{V1}/tasks/{new_task(services, status=status)}").get_json()["task"]
    assert task["status"] in {"pending", "blocked", "processing", "finished", "failed", "cancelled"}
    assert task["status"] == status.value
