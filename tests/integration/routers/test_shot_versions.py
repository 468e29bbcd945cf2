"""Versions of a shot's image, narration and clip over HTTP: listed, shown again, uploaded; none goes because another comes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import FilmSettings, KeepSettings, Settings
from models import outbox
from models.asset import Asset, AssetKind
from models.outbox import Removal
from models.task import Task, TaskStatus, TaskType
from service.assets import versions
from service.container import Services
from service.workflow import payloads
from tests.contract import story
from tests.support.model_servers import pictures
from tests.support.node.scripts import png, wav
from tests.support.web_app import NOW, make_settings

V1 = "/v1/api"
LIMIT = 300_000


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """`keep` is the test's own (indirectly), else every version stays."""
    keep = KeepSettings(versions=getattr(request, "param", 0))
    return make_settings(tmp_path / "data").model_copy(update={"film": FilmSettings(max_upload=LIMIT), "keep": keep})


@pytest.fixture
def told(client: FlaskClient, services: Services) -> story.Told:
    """A project whose images are there without rows of their own, as the Go backend leaves them."""
    return story.finish(services, story.create(client, StoryText=story.STORY, ShotCount="2"))


@pytest.fixture
def shot(told: story.Told) -> str:
    return f"{V1}/projects/{told.project_id}/shots/{told.shot_ids[0]}"


def listed(client: FlaskClient, shot: str, kind: str = "images") -> list[dict[str, Any]]:
    return list(client.get(f"{shot}/{kind}/versions").get_json()["versions"])


def numbers(client: FlaskClient, shot: str, kind: str = "images") -> list[tuple[int, bool]]:
    return [(one["number"], one["current"]) for one in listed(client, shot, kind)]


def send(client: FlaskClient, shot: str, kind: str, content: bytes) -> TestResponse:
    return client.post(f"{shot}/{kind}", data={"file": (io.BytesIO(content), "我的.bin")})


def downloaded(client: FlaskClient, url: str) -> bytes:
    parts = urlsplit(url)
    with client.get(f"{parts.path}?{parts.query}") as answer:
        return bytes(answer.data)


def generated(
    services: Services, told: story.Told, kind: AssetKind, details: dict[str, Any], **parameters: Any
) -> Asset:
    """A version as a processor left it before: its prompt and its text stand in its task."""
    owner = versions.AssetOwner(told.project_id, told.shot_ids[0], f"task-{kind.value}")
    asset = versions.reserve(services, kind, owner, "png", 1)
    asset.details = details
    services.store.put(asset.object_key, io.BytesIO(b"x"))
    with services.database.write() as session:
        common: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "status": TaskStatus.FINISHED}
        session.add(
            Task(id=owner.task_id, project_id=told.project_id, type=TaskType.IMAGE, parameters=parameters, **common)
        )
        versions.mark_stored(session, asset, now=NOW)
    return asset


CLIP = pictures.clip(64, 64, 10, 10, "x")
FILES = {"images": png(size=(96, 64)), "narrations": wav(1.5), "clips": CLIP}
PATHS = {"images": "imagePath", "narrations": "audioPath", "clips": "videoPath"}


@pytest.mark.parametrize("kind", FILES)
def test_ones_own_file_becomes_the_newest_version_and_the_others_stay(
    client: FlaskClient, services: Services, shot: str, kind: str
) -> None:
    before = numbers(client, shot, kind)
    answer = send(client, shot, kind, FILES[kind])
    assert answer.status_code == 201, answer.text
    made, shown = answer.get_json()["version"], answer.get_json()["shot"]
    assert (made["source"], made["current"], made["seed"], made["provider"]) == ("upload", True, None, "")
    assert (made.get("width"), made.get("height")) == {"images": (96, 64)}.get(kind, (None, None))
    assert made.get("duration") == {"images": None, "narrations": 1.5, "clips": 1.0}[kind]
    assert downloaded(client, shown[PATHS[kind]]) == FILES[kind]
    if kind == "narrations":
        assert shown["duration"] == 2
    again = send(client, shot, kind, FILES[kind]).get_json()["version"]["number"]
    assert numbers(client, shot, kind) == [
        (again, True),
        (again - 1, False),
        *[(number, False) for number, _ in before],
    ]
    with services.database.read() as session:
        assert session.query(Removal).all() == []


def test_what_an_older_backend_made_is_a_version_before_and_after_it_is_replaced(
    client: FlaskClient, shot: str
) -> None:
    assert numbers(client, shot) == [(1, True)]
    first = downloaded(client, listed(client, shot)[0]["url"])
    send(client, shot, "images", FILES["images"])
    assert numbers(client, shot) == [(2, True), (1, False)]
    assert downloaded(client, listed(client, shot)[1]["url"]) == first
    answer = client.post(f"{shot}/images/versions/1/restore").get_json()
    assert downloaded(client, answer["shot"]["imagePath"]) == first
    assert numbers(client, shot) == [(2, False), (1, True)]


def test_a_text_that_changes_leaves_the_narration_of_the_old_one_among_the_versions(
    client: FlaskClient, shot: str
) -> None:
    send(client, shot, "narrations", FILES["narrations"])
    client.post(shot, json={"narration": "别的话。"})
    assert client.get(shot).get_json()["shot"]["audioPath"] == ""
    assert numbers(client, shot, "narrations") == [(1, False)]
    answer = client.post(f"{shot}/narrations/versions/1/restore").get_json()["shot"]
    assert (answer["duration"], bool(answer["audioPath"])) == (2, True)


def test_a_version_says_what_it_was_made_with_also_one_from_before(
    client: FlaskClient, services: Services, told: story.Told, shot: str
) -> None:
    asked = payloads.image("s", prompt="a fox", style="ink", depends_on=[], wishes={"seed": 7})
    generated(services, told, AssetKind.IMAGE, {}, **asked)
    [image] = [one for one in listed(client, shot) if not one["current"]]
    assert (image["prompt"], image["seed"], image["provider"], image["width"]) == ("a fox", 7, "", None)
    made_by = {"provider": "sd", "model": "m", "seed": 9, "prompt": "ink, a fox"}
    generated(services, told, AssetKind.CLIP, {"made_by": made_by, "duration": 2.5})
    [clip] = listed(client, shot, "clips")
    assert (clip["prompt"], clip["seed"], clip["provider"], clip["duration"]) == ("ink, a fox", 9, "sd", 2.5)
    generated(services, told, AssetKind.NARRATION, {"duration": 3.21}, tts={"text": "它说。"})
    [sound] = listed(client, shot, "narrations")
    assert (sound["text"], sound["duration"], sound["source"]) == ("它说。", 3.21, "generated")


@pytest.mark.parametrize("kind", FILES)
def test_what_is_in_the_making_is_cancelled_in_favour_of_what_somebody_chose(
    client: FlaskClient, services: Services, told: story.Told, shot: str, kind: str
) -> None:
    send(client, shot, kind, FILES[kind])
    image = client.post(shot, json={"prompt": "new"}).get_json()["task_id"]
    group = client.post(f"{V1}/projects/{told.project_id}/tts", json={}).get_json()["task_id"]
    tasks = client.get(f"{V1}/projects/{told.project_id}/tasks").get_json()["tasks"]
    [speech] = [
        task["id"] for task in tasks if task.get("shotId") == told.shot_ids[0] and task["type"] == "generate_audio"
    ]
    client.post(f"{V1}/projects/{told.project_id}/video", json={"shot_id": told.shot_ids[0]})
    chosen = client.post(f"{shot}/{kind}/versions/1/restore")
    assert chosen.status_code == 200
    ended = {
        task["id"]: task["status"] for task in client.get(f"{V1}/projects/{told.project_id}/tasks").get_json()["tasks"]
    }
    assert (ended[image] == "cancelled", ended[speech] == "cancelled") == (kind == "images", kind == "narrations")
    assert ended[group] != "cancelled", "the other shots are spoken all the same"
    clips = [task["status"] for task in tasks_of(client, told) if task["type"] == "generate_video"]
    assert clips == [{"images": "pending", "clips": "cancelled"}.get(kind, "blocked")]
    assert chosen.get_json()["shot"]["status"] == ("completed" if kind == "images" else "processing")


def tasks_of(client: FlaskClient, told: story.Told) -> list[dict[str, Any]]:
    return list(client.get(f"{V1}/projects/{told.project_id}/tasks").get_json()["tasks"])


def test_another_image_puts_the_clip_of_the_one_before_aside(client: FlaskClient, shot: str) -> None:
    send(client, shot, "clips", CLIP)
    assert send(client, shot, "images", FILES["images"]).get_json()["shot"]["videoPath"] == ""
    assert numbers(client, shot, "clips") == [(1, False)]


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 400, "file 不能为空"),
        (b"<html>", 400, "file 不是"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 90, 400, "file 不是"),
        (wav(1.0)[:60], 400, "file 不是"),
        (CLIP[: len(CLIP) // 2], 400, "file 不是"),
        (png(size=(2, 60)), 400, "file 不是"),
        (b"x" * (LIMIT + 1), 413, f"file 不能超过 {LIMIT / (1 << 20):.3g} MB"),
        (b"x" * (LIMIT + 100_000), 413, "file 不能超过"),
    ],
    ids=["nothing", "page", "broken picture", "cut sound", "cut clip", "narrow", "large", "larger"],
)
def test_a_file_that_no_film_can_show_is_refused_with_the_limit_and_nothing_is_kept(
    client: FlaskClient, services: Services, shot: str, kind: str, content: bytes, status: int, words: str
) -> None:
    before, kept = client.get(shot).get_json()["shot"], listed(client, shot, kind)
    answer = send(client, shot, kind, content)
    assert (answer.status_code, answer.get_json()["field"]) == (status, "file")
    assert words in answer.get_json()["error"]
    assert client.get(shot).get_json()["shot"] == before
    assert listed(client, shot, kind) == kept
    with services.database.read() as session:
        assert session.query(Asset).all() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "images/versions/3/restore"),
        ("POST", "images/versions/-1/restore"),
        ("POST", "images/versions/1x/restore"),
        ("POST", "images/versions/99999999999/restore"),
        ("GET", "films/versions"),
        ("POST", "films"),
    ],
)
def test_a_version_or_a_kind_that_is_not_there_is_404(client: FlaskClient, shot: str, method: str, path: str) -> None:
    sent: dict[str, Any] = {"data": {"file": (io.BytesIO(FILES["images"]), "x")}} if path == "films" else {}
    assert client.open(f"{shot}/{path}", method=method, **sent).status_code == 404


def test_the_same_upload_under_one_key_is_one_version(client: FlaskClient, shot: str) -> None:
    answers = [
        client.post(
            f"{shot}/images", data={"file": (io.BytesIO(FILES["images"]), "x")}, headers={"Idempotency-Key": "once"}
        ).get_json()["version"]["number"]
        for _ in range(2)
    ]
    assert answers == [2, 2]
    assert numbers(client, shot) == [(2, True), (1, False)]


@pytest.mark.parametrize("settings", [2], indirect=True)
def test_only_so_many_stay_where_a_number_is_set_and_the_one_that_is_shown(
    client: FlaskClient, services: Services, told: story.Told, shot: str
) -> None:
    for _ in range(3):
        send(client, shot, "images", FILES["images"])
    assert numbers(client, shot) == [(4, True), (3, False)]
    with services.database.read() as session:
        assert len(outbox.keys_of(session, told.project_id)) == 2
    with services.database.write() as session:
        session.add(
            Task(
                id="film",
                project_id=told.project_id,
                type=TaskType.FILM,
                status=TaskStatus.PROCESSING,
                created_at=NOW,
                updated_at=NOW,
            )
        )
    send(client, shot, "images", FILES["images"])
    assert len(numbers(client, shot)) == 3, "the film in the making may be reading it"
    with services.database.write() as session:
        session.get_one(Task, "film").status = TaskStatus.FINISHED
    client.post(f"{shot}/images/versions/3/restore")
    assert numbers(client, shot) == [(5, False), (4, False), (3, True)]
    for _ in range(2):
        send(client, shot, "clips", CLIP)
    send(client, shot, "images", FILES["images"])
    assert numbers(client, shot) == [(6, True), (5, False)]
    assert numbers(client, shot, "clips") == [(2, False), (1, False)]
