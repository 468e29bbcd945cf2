"""Small pictures: made once, in a process of their own, and never larger, older or more than they may be."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import update

from config.settings import MinioSettings
from models.asset import Asset
from models.project import Project
from models.shot import Shot
from routers.app import create_app
from service import archive, thumbnails
from service.container import Services
from service.film import decoder
from service.oss.minio import MinioStore
from tests.integration.routers.websocket.test_project_feed import Story
from tests.support.wait import wait_until
from tests.support.web_app import NOW

SIZE = (800, 400)
LEFT, RIGHT = (200, 30, 30), (30, 30, 200)


@pytest.fixture
def story(services: Services) -> Story:
    return Story(services)


def picture(kind: str = "PNG", size: tuple[int, int] = SIZE, **options: Any) -> bytes:
    """Red to the left, blue to the right."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2], pixels[:, size[0] // 2 :] = LEFT, RIGHT
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, kind, **options)
    return stored.getvalue()


def paint(story: Story, content: bytes, number: int = 1, extension: str = "png") -> None:
    """Give the first shot an image."""
    key = f"projects/{story.id}/shots/{story.shots[0]}/image-{number}.{extension}"
    story.services.store.put(key, io.BytesIO(content))
    story.write(update(Shot).where(Shot.id == story.shots[0]).values(image_path=key))


def film(story: Story, number: int = 1, seconds: int = 3) -> None:
    """A film whose brightness says the second, at ten frames a second."""
    stored = io.BytesIO()
    with av.open(stored, "w", "mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for frame in range(10 * seconds):
            pixels = np.full((180, 320, 3), 60 + 60 * (frame // 10), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode())
    key = f"projects/{story.id}/films/{number}.mp4"
    story.services.store.put(key, io.BytesIO(stored.getvalue()))
    story.add(Asset(object_key=key, project_id=story.id, kind="film", number=number, created_at=NOW, stored_at=NOW))


def address(story: Story, what: str = "thumbnail") -> str:
    project = f"/v1/api/projects/{story.id}"
    return f"{project}/shots/{story.shots[0]}/thumbnail" if what == "thumbnail" else f"{project}/{what}"


def shown(answer: Any) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.data)).convert("RGB")


def near(found: Any, expected: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 24 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("width", [None, 160, 320, 640, 960])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_thumbnail_shows_the_image_in_the_width_that_is_asked_for(
    client: FlaskClient, story: Story, width: int | None, kind: str
) -> None:
    paint(story, picture(kind))
    answer = client.get(address(story) + (f"?width={width}" if width else ""))
    found = shown(answer)
    assert found.size == (min(width or 320, 800), min(width or 320, 800) // 2)
    assert near(found.getpixel((5, 5)), LEFT)
    assert near(found.getpixel((found.width - 5, 5)), RIGHT)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-cache"


ACCEPTS = {
    "*/*": "image/webp",
    "": "image/webp",
    "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8": "image/webp",
    "image/avif,image/*;q=0.5": "image/avif",
    "image/avif;q=0, image/*": "image/webp",
    "image/jpeg": "image/webp",
}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_the_client_says_what_it_can_show(client: FlaskClient, story: Story, accept: str) -> None:
    paint(story, picture())
    answer = client.get(address(story), headers={"Accept": accept})
    assert (answer.content_type, answer.headers["Vary"]) == (ACCEPTS[accept], "Accept")
    assert Image.open(io.BytesIO(answer.data)).format == ACCEPTS[accept].partition("/")[2].upper()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pictures that the decoder was asked for."""
    orders: list[str] = []
    ask = decoder.Decoder.thumbnail

    def thumbnail(self: decoder.Decoder, path: Path, *rest: Any) -> None:
        orders.append(path.name)
        ask(self, path, *rest)

    monkeypatch.setattr(decoder.Decoder, "thumbnail", thumbnail)
    return orders


def test_each_is_made_once_whoever_asks_and_a_new_image_shows_at_once(
    app: Flask, services: Services, story: Story, asked: list[str]
) -> None:
    paint(story, picture())

    def get(made: Flask, **headers: str) -> Any:
        return made.test_client().get(address(story), headers=headers)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: get(app), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert get(create_app(services)).data == answers[0].data
    assert asked == ["image-1.png"]
    tag = answers[0].headers["ETag"]
    services.store.remove(f"projects/{story.id}/shots/{story.shots[0]}/image-1.png")
    same = get(app, **{"If-None-Match": tag})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    paint(story, picture("PNG", (100, 50)), number=2)
    other = get(app, **{"If-None-Match": tag})
    assert shown(other).size == (100, 50), "a small one is not blown up"
    assert other.headers["ETag"] != tag
    assert asked == ["image-1.png", "image-2.png"]


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"<svg onload=alert(1)>",
    "cut off": lambda: picture()[:60],
    "of a hundred billion pixels": lambda: (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (400_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00\0\0\0\0"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_opened_is_not_there_and_leaves_nothing(
    client: FlaskClient, services: Services, story: Story, name: str
) -> None:
    paint(story, BROKEN[name]())
    answer = client.get(address(story))
    assert answer.status_code == 404
    assert "图片无法显示" in answer.get_json()["message"]
    assert [path for path in (services.settings.data_dir / "cache").rglob("*") if path.is_file()] == []
    paint(story, picture(), number=2)
    assert client.get(address(story)).status_code == 200, "the next one is made"


@pytest.mark.parametrize("path", ["thumbnail", "cover", "films/1/still", "films/x/still", "films/9999999999/still"])
def test_without_a_picture_there_is_none(client: FlaskClient, story: Story, path: str) -> None:
    assert client.get(address(story, path)).status_code == 404
    assert client.get(address(story, path) + "?width=321").status_code == 400
    assert client.get(address(story, path).replace(story.id, "nobody")).status_code == 404


def test_a_cover_is_the_films_or_else_the_first_image(client: FlaskClient, story: Story) -> None:
    paint(story, picture())
    assert near(shown(client.get(address(story, "cover"))).getpixel((5, 5)), LEFT)
    story.services.store.put(f"projects/{story.id}/films/1.jpg", io.BytesIO(picture("JPEG", (90, 60))))
    story.write(update(Project).where(Project.id == story.id).values(cover_image=f"projects/{story.id}/films/1.jpg"))
    assert shown(client.get(address(story, "cover"))).size == (90, 60)


def test_a_still_shows_the_films_moment(client: FlaskClient, story: Story) -> None:
    film(story)
    for at, grey in {"0": 60, "0.9": 60, "1": 120, "1.55": 120, "2.4": 180, "3000": 180}.items():
        found = shown(client.get(f"{address(story, 'films/1/still')}?at={at}&width=160"))
        assert found.size == (160, 90)
        assert near(found.getpixel((80, 45)), (grey, grey, grey)), at
    for wrong in ("-1", "86401", "x", "nan"):
        assert client.get(f"{address(story, 'films/1/still')}?at={wrong}").status_code == 400


def test_more_than_may_wait_are_told_to_come_back(client: FlaskClient, story: Story, app: Flask) -> None:
    paint(story, picture())
    [held] = _made_by(app)
    with held._turn, ThreadPoolExecutor(thumbnails.MAX_WAITING) as pool:
        waiting = [pool.submit(app.test_client().get, address(story)) for _ in range(thumbnails.MAX_WAITING)]
        wait_until(lambda: held._places._value == 0, what="a full queue")
        answer = client.get(address(story))
        assert (answer.status_code, bool(answer.headers["Retry-After"])) == (503, True)
        held._turn.release()
        assert {each.result().status_code for each in waiting} == {200}
        assert client.get(address(story)).status_code == 200
        held._turn.acquire()


def _made_by(app: Flask) -> list[thumbnails.Thumbnails]:
    view: Any = app.view_functions["v1.pictures.of_shot"]
    return [cell.cell_contents for cell in view.__closure__ if isinstance(cell.cell_contents, thumbnails.Thumbnails)]


def test_what_is_kept_is_bounded_and_the_child_ends(
    client: FlaskClient, story: Story, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    [held] = _made_by(app)
    paint(story, picture())
    monkeypatch.setattr(thumbnails, "PRUNE_EVERY_S", -1.0)
    monkeypatch.setattr(thumbnails, "MAX_BYTES", 1)
    client.get(address(story))
    assert list(held.cache._files()) == []
    monkeypatch.setattr(thumbnails, "MAX_BYTES", 1 << 20)
    for width in (160, 320):
        client.get(f"{address(story)}?width={width}")
    kept = sorted(held.cache._files())
    assert len(kept) == 2
    os.utime(kept[0], (0, 0))
    client.get(f"{address(story)}?width=640")
    assert kept[0] not in set(held.cache._files()), "too old"
    assert held._decoder is not None
    assert held._decoder.runs
    held.close()
    assert held._decoder is None


def test_a_film_in_object_storage_is_fetched_once_for_all_its_moments(
    services: Services, story: Story, minio: MinioSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services.settings.model_copy(update={"minio": minio})
    store = MinioStore(minio)
    store.check()
    remote = replace(services, settings=settings, store=store)
    story.services = remote
    film(story)
    client = create_app(remote).test_client()
    for at, grey in ((0, 60), (2, 180)):
        found = shown(client.get(f"{address(story, 'films/1/still')}?at={at}"))
        assert near(found.getpixel((80, 45)), (grey, grey, grey))
        store.remove(f"projects/{story.id}/films/1.mp4")


def test_an_archive_has_all_that_is_there_and_names_what_is_not(client: FlaskClient, story: Story) -> None:
    paint(story, picture())
    film(story)
    gone = f"projects/{story.id}/shots/{story.shots[1]}/image-1.png"
    story.write(
        update(Shot).where(Shot.id == story.shots[1]).values(image_path=gone, title="../../夜/里", narration="好")
    )
    story.write(update(Project).where(Project.id == story.id).values(title='狐"狸\r\nX: 1', story_text="从前"))
    answer = client.get(f"/v1/api/projects/{story.id}/archive")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].isascii()
    assert "filename*=UTF-8''%E7%8B%90-%E7%8B%B8X- 1.zip".replace(" ", "%20") in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.data)) as found:
        assert found.testzip() is None
        names = found.namelist()
        assert names == ["story.txt", "shots.json", "shots/001-1-image.png", "film/1.mp4", "missing.txt"]
        assert found.read("shots/001-1-image.png") == picture()
        assert found.read("missing.txt").decode().split() == ["shots/002-夜-里-image.png"]
        assert json.loads(found.read("shots.json"))[1]["narration"] == "好"


def test_an_archive_holds_no_file_in_memory(services: Services, story: Story) -> None:
    paint(story, bytes(20 << 20))
    parts = archive.stream(services, archive.of_project(services, story.id))
    assert max(map(len, parts)) <= archive.CHUNK + 1000
