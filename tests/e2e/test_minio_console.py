"""What a person finds in MinIO's own console after a story became a film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
from minio import Minio

from config.settings import MinioSettings
from tests.e2e import deployment
from tests.e2e.client import Client
from tests.support.columns import Production
from tests.support.node.stand_in import StandInNode

TITLE = "灯塔 & 猫 🐱"


@pytest.fixture(scope="module")
def client(production: Production, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("console")
    with StandInNode() as node:
        settings = {"worker.addr": node.addr, "film.resolution": "128x72", "film.fps": 10}
        with deployment.all_in_one(folder, production, settings) as running:
            yield Client([running.servers[0].url], folder)


@pytest.fixture(scope="module")
def project(client: Client) -> str:
    """A project of one shot with two images and two films."""
    created = client.create(TITLE, "小猫住在灯塔里。", 1)
    project = str(created["project_id"])
    client.wait(created["shot_task_ids"][0])
    client.film(project)
    [shot] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    client.wait(client.post(f"/v1/api/projects/{project}/shots/{shot['id']}", {"prompt": "a cat"})["task_id"])
    client.film(project)
    return project


def bucket_of(client: Client, project: str) -> str:
    url = client.get(f"/v1/api/projects/{project}")["project_detail"]["videoUrl"]
    return str(urlsplit(url).path.split("/")[1])


def listed(console: str, settings: MinioSettings, bucket: str, prefix: str) -> set[str]:
    """The keys that the console shows, asked as its own page asks."""
    with requests.Session() as session:
        page = session.get(console, timeout=60)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html")
        credentials = {"accessKey": settings.access_key, "secretKey": settings.secret_key}
        assert session.post(f"{console}/api/v1/login", json=credentials, timeout=60).status_code == 204
        asked = {"prefix": prefix, "recursive": "true"}
        answer = session.get(f"{console}/api/v1/buckets/{bucket}/objects", params=asked, timeout=60)
        assert answer.status_code == 200, answer.text
        return {str(found["name"]) for found in answer.json()["objects"]}


def test_the_console_shows_every_version_where_a_person_looks_for_it(
    client: Client, project: str, minio_server_settings: MinioSettings, minio_console: str
) -> None:
    [shot] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    of_shot, of_films = f"projects/{project}/shots/{shot['id']}", f"projects/{project}/films"
    found = listed(minio_console, minio_server_settings, bucket_of(client, project), f"projects/{project}/")
    assert found == {
        *(f"{of_shot}/{name}" for name in ("image-1.png", "image-2.png", "audio-1.wav")),
        *(f"{of_films}/{number}.{kind}" for number in (1, 2) for kind in ("mp4", "jpg", "srt", "ass", "log.json")),
    }


def test_each_object_says_what_it_belongs_to(
    client: Client, project: str, minio_server_settings: MinioSettings
) -> None:
    settings, bucket = minio_server_settings, bucket_of(client, project)
    storage = Minio(settings.endpoint, settings.access_key, settings.secret_key, secure=False, region=settings.region)
    [shot] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    tasks = {task["id"]: task for task in client.tasks(project)}

    def known(key: str) -> tuple[str | None, dict[str, str]]:
        found = storage.stat_object(bucket, key)
        raw: dict[str, Any] = {name.lower(): value for name, value in dict(found.metadata or {}).items()}
        assert all(str(value).isascii() for value in raw.values())
        prefix = "x-amz-meta-"
        return found.content_type, {n[len(prefix) :]: unquote(v) for n, v in raw.items() if n.startswith(prefix)}

    kind, image = known(f"projects/{project}/shots/{shot['id']}/image-2.png")
    assert kind == "image/png"
    assert (image["project"], image["shot"], image["order"]) == (project, shot["id"], "1")
    assert image["title"] == shot["title"]
    assert tasks[image["task"]]["shotId"] == shot["id"]
    kind, narration = known(f"projects/{project}/shots/{shot['id']}/audio-1.wav")
    assert (kind, tasks[narration["task"]]["type"]) == ("audio/wav", "generate_audio")
    kind, film = known(f"projects/{project}/films/2.mp4")
    assert (kind, film["project"], film["title"]) == ("video/mp4", project, TITLE)
    assert tasks[film["task"]]["type"] == "generate_video"
    cover, _ = known(f"projects/{project}/films/2.jpg")
    assert cover == "image/jpeg"


def test_links_name_the_domain_and_open_without_a_header(
    client: Client, project: str, minio_server_settings: MinioSettings
) -> None:
    domain = minio_server_settings.endpoint.replace("127.0.0.1", "localhost")
    detail = client.get(f"/v1/api/projects/{project}")
    [shot] = detail["shots"]
    for url in (shot["imagePath"], shot["audioPath"], detail["project_detail"]["coverImage"]):
        assert urlsplit(url).netloc == domain != minio_server_settings.endpoint
        assert Path(client.fetch(url)).stat().st_size > 100
        elsewhere = url.replace(domain, minio_server_settings.endpoint)
        assert requests.get(elsewhere, timeout=60).status_code == 403, "the host is part of the signature"
