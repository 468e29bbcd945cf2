"""`/api/oss`: what clients upload into the storage themselves, over MinIO and over the local folder."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from minio import Minio
from minio.commonconfig import CopySource
from minio.error import S3Error
from sqlalchemy import update
from werkzeug.test import TestResponse

from config.settings import FilmSettings, MinioSettings, Settings
from models.outbox import ONCE, UPLOADING, Removal
from service import uploads
from service.container import Services
from service.oss.local import LocalStore
from service.oss.minio import MinioStore
from tests.contract import story
from tests.support.client_uploads import OSS, complete, presigned, put, send
from tests.support.model_servers import pictures
from tests.support.node.scripts import png, wav
from tests.support.removals import outbox, sweep
from tests.support.web_app import make_settings, open_services

DAY_MS = 24 * 3600 * 1000
LIMIT = 8 << 20
PART = 5 << 20  # S3 takes no smaller one
PNG, CLIP = png(size=(96, 64)), pictures.clip(64, 64, 10, 10, "x")
TYPES = {"images": "image/png", "narrations": "audio/wav", "clips": "video/mp4", "music": "audio/x-wav"}


@functools.cache
def long_sound() -> bytes:
    """More than a part."""
    return wav(64, 48_000)


FILES = {"images": PNG, "narrations": wav(1.5), "clips": CLIP, "music": wav(1.2)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data").model_copy(update={"film": FilmSettings(max_upload=LIMIT)})


@pytest.fixture(params=["local", "minio"])
def services(request: pytest.FixtureRequest, settings: Settings, redis_url: str) -> Iterator[Services]:
    with open_services(settings, redis_url) as parts:
        if request.param == "local":
            yield parts
            return
        minio: MinioSettings = request.getfixturevalue("minio")
        store = MinioStore(minio)
        store.check()
        yield dataclasses.replace(parts, store=store, settings=settings.model_copy(update={"minio": minio}))


@pytest.fixture
def told(client: FlaskClient, services: Services) -> story.Told:
    return story.finish(services, story.create(client, StoryText=story.STORY, ShotCount="2"))


def stored(services: Services, told: story.Told) -> list[str]:
    """What lies where clients write."""
    return list(services.store.list(f"projects/{told.project_id}/uploads/"))


@pytest.mark.parametrize("kind", FILES)
def test_a_file_goes_to_storage_and_becomes_what_it_is_for(
    client: FlaskClient, services: Services, told: story.Told, kind: str
) -> None:
    content = FILES[kind]
    given = presigned(client, told, content, TYPES[kind], md5=hashlib.md5(content).hexdigest())
    assert re.fullmatch(rf"projects/{told.project_id}/uploads/[0-9a-f]{{32}}\.\w{{3}}", given["key"])
    assert (given["upload_id"], given["parts"]) == ("", [])
    status, _, sniffing = put(client, given["url"], content, given["headers"])
    assert (status, sniffing) == (200, "nosniff")
    answer = complete(client, told, given, content, kind, title="晨光")
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert stored(services, told) == []
    assert [(row.object_key, row.passes) for row in outbox(services)] == [(given["key"], ONCE)]
    if kind == "music":
        assert (body["music"]["title"], body["music"]["size"], body["shot"]) == ("晨光", len(content), None)
    else:
        assert (body["version"]["source"], body["version"]["current"], body["music"]) == ("upload", True, None)
        assert (
            body["version"]["url"]
            == body["shot"][{"images": "image", "narrations": "audio"}.get(kind, "video") + "_url"]
        )
    again = complete(client, told, given, content, kind, title="晨光").get_json()
    assert {**again, "request_id": ""} == {**body, "request_id": "", "message": again["message"]}
    other = complete(client, told, given, content, "images", shot_id=told.shot_ids[1])
    assert (other.status_code, other.get_json()["message"]) == (409, "此上传已用于别的素材")


def test_a_long_file_goes_in_parts_which_are_listed_or_not(
    client: FlaskClient, services: Services, told: story.Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART", PART)
    content = long_sound()
    for listed in (True, False):
        given = presigned(client, told, content, "audio/wav")
        assert (given["url"], [part["size"] for part in given["parts"]]) == (None, [PART, len(content) - PART])
        first = send(client, given, content, [1])
        early = complete(client, told, given, content, "narrations", parts=[*first, {"number": 2, "etag": "00"}])
        assert early.status_code == 400, "a part is not there yet"
        parts = [*send(client, given, content, [2]), *first]
        answer = complete(client, told, given, content, "narrations", parts=parts if listed else [])
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["version"]["duration"] == 64.0
    assert stored(services, told) == []


def test_two_that_complete_at_once_make_one_version(app: Flask, client: FlaskClient, told: story.Told) -> None:
    given = presigned(client, told, PNG)
    send(client, given, PNG)
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(complete, app.test_client(), told, given, PNG, "images") for _ in range(4)]
        answers = [each.result() for each in asked]
    assert [each.status_code for each in answers] == [200] * 4, [each.text for each in answers]
    [made] = {each.get_json()["version"]["number"] for each in answers}
    versions = client.get(f"/v1/api/projects/{told.project_id}/shots/{told.shot_ids[0]}/images/versions").get_json()
    assert len(versions["versions"]) == 2
    assert complete(client, told, given, PNG, "images").get_json()["version"]["number"] == made


LIES: list[tuple[dict[str, Any], int]] = [
    ({"key": "projects/{project}/uploads/" + "0" * 32 + ".png"}, 404),
    ({"key": "projects/{project}/uploads/../shots/{shot}/image-1.png"}, 400),
    ({"key": "projects/{project}/shots/{shot}/image-1.png"}, 400),
    ({"key": "projects/other/uploads/" + "0" * 32 + ".png"}, 400),
    ({"key": "music/1.mp3"}, 400),
    ({"project_id": "0" * 32}, 404),
    ({"shot_id": "0" * 32}, 404),
    ({"shot_id": ""}, 400),
    ({"sha256": ""}, 400),
    ({"sha256": "ab"}, 400),
    ({"for": "films"}, 400),
    ({"for": "music"}, 400),  # with a shot
    ({"upload_id": "../../x"}, 400),
    ({"parts": [{"number": 1, "etag": "a"}] * 2}, 400),
    ({"parts": [{"number": True, "etag": "a"}]}, 400),
    ({"parts": [{"number": 1, "etag": "</ETag>"}]}, 400),
    ({"parts": "x"}, 400),
]
LIES_ABOUT_THE_FILE: list[dict[str, Any]] = [
    {"size": 5},
    {"size": len(PNG) + 1},
    {"sha256": "0" * 64},
    {"sha256": "", "md5": "0" * 32},
    {"md5": "0" * 32},
    {"for": "clips"},
]


def lying(client: FlaskClient, told: story.Told, given: Any, changes: dict[str, Any]) -> TestResponse:
    def filled(value: Any) -> Any:
        text = value.replace("{project}", told.project_id) if isinstance(value, str) else value
        return text.replace("{shot}", told.shot_ids[0]) if isinstance(text, str) else text

    more = {name: filled(value) for name, value in changes.items() if name != "for"}
    return complete(client, told, given, PNG, changes.get("for", "images"), **{"shot_id": told.shot_ids[0], **more})


def test_a_lie_makes_nothing(client: FlaskClient, services: Services, told: story.Told) -> None:
    given = presigned(client, told, PNG)
    send(client, given, PNG)
    for changes, status in LIES:
        refused = lying(client, told, given, changes)
        assert refused.status_code == status, (changes, refused.text)
    assert stored(services, told) == [given["key"]]
    assert complete(client, told, given, PNG, "images").status_code == 200


def test_a_lie_about_the_file_is_the_end_of_it(client: FlaskClient, services: Services, told: story.Told) -> None:
    for changes in LIES_ABOUT_THE_FILE:
        given = presigned(client, told, PNG)
        send(client, given, PNG)
        refused = lying(client, told, given, changes)
        assert refused.status_code == 400, (changes, refused.text)
        assert stored(services, told) == [], changes
        assert complete(client, told, given, PNG, "images").status_code == 404


def test_what_no_film_can_be_made_with_is_removed_and_its_link_brings_nothing_back(
    client: FlaskClient, services: Services, told: story.Told
) -> None:
    for content in (b"<html><script>", PNG[:60], png(size=(2, 60))):
        given = presigned(client, told, content)
        send(client, given, content)
        assert complete(client, told, given, content, "images").status_code == 400
        assert stored(services, told) == []
    send(client, given, content)  # the link still holds
    sweep(services)
    assert stored(services, told) == [given["key"]]
    sweep(services, ahead_ms=DAY_MS + 1000)
    assert (stored(services, told), outbox(services)) == ([], [])


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"content_type": "text/html"}, 400),
    ({"content_type": "image/svg+xml"}, 400),
    ({"content_type": "", "name": "a.html"}, 400),
    ({"content_type": "image/png\r\nX: y"}, 400),
    ({"size": 0}, 400),
    ({"size": 1 << 60}, 413),
    ({"size": (64 << 20) + 1}, 413),  # over film.max_music as well
    ({"sha256": "x" * 64}, 400),
    ({"project_id": "0" * 32}, 404),
    ({"project_id": "../x"}, 400),
]


def test_no_link_is_given_for_what_would_be_refused(client: FlaskClient, services: Services, told: story.Told) -> None:
    wanted = {"project_id": told.project_id, "name": "a.png", "size": 10, "content_type": "image/png"}
    for changes, status in REFUSED:
        answer = client.post(f"{OSS}/presign", json={**wanted, **changes})
        assert answer.status_code == status, (changes, answer.text)
    assert outbox(services) == []


def test_a_link_takes_what_was_promised_and_nothing_else(
    client: FlaskClient, services: Services, told: story.Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = presigned(client, told, PNG)
    url, headers = given["url"], given["headers"]
    other = url.replace(given["key"], given["key"].replace("/uploads/", "/shots/"))
    refused = [
        put(client, url, PNG[:-1] + b"x", headers),
        put(client, url, PNG + b"x", headers),
        put(client, url, PNG[:-1], headers),
        put(client, url, PNG, {**headers, "Content-Type": "text/html"}),
        put(client, other, PNG, headers),
        put(client, url[:-1] + ("0" if url[-1] != "0" else "1"), PNG, headers),
        put(client, url.partition("?")[0], PNG, headers),
    ]
    assert [status in (400, 403) for status, _, _ in refused] == [True] * len(refused), refused
    assert stored(services, told) == []
    assert put(client, url, PNG, headers)[0] == 200
    store: Any = services.store
    past = store._now
    with monkeypatch.context() as patched:
        for clock in (store, getattr(store, "_uploads", store)):
            patched.setattr(clock, "_now", lambda: past().replace(year=2020))
        old = presigned(client, told, PNG)
    assert put(client, old["url"], PNG, old["headers"])[0] == 403


def test_a_project_has_so_many_uploads_on_their_way(
    client: FlaskClient, told: story.Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_OPEN", 2)
    first = presigned(client, told, PNG)
    presigned(client, told, PNG)
    wanted = {"project_id": told.project_id, "size": 10, "content_type": "image/png"}
    assert client.post(f"{OSS}/presign", json=wanted).status_code == 409
    send(client, first, PNG)
    complete(client, told, first, PNG, "images")
    assert client.post(f"{OSS}/presign", json=wanted).status_code == 200


def test_what_is_never_completed_goes_with_its_parts_after_a_day(
    client: FlaskClient, services: Services, told: story.Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART", PART)
    whole, parts = presigned(client, told, PNG), presigned(client, told, long_sound(), "audio/wav")
    send(client, whole, PNG)
    send(client, parts, long_sound(), [1])
    sweep(services, ahead_ms=DAY_MS - 60_000)
    assert stored(services, told) == [whole["key"]]
    sweep(services, ahead_ms=DAY_MS + 1000)
    assert stored(services, told) == []
    assert put(client, parts["parts"][0]["url"], long_sound()[:PART], parts["headers"])[0] == 404
    assert complete(client, told, parts, long_sound(), "narrations").status_code == 404


def test_anothers_upload_id_opens_nothing(
    client: FlaskClient, told: story.Told, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PART", PART)
    content = long_sound()
    foreign, own = presigned(client, told, content, "audio/wav"), presigned(client, told, content, "audio/wav")
    send(client, foreign, content)
    for id_ in (foreign["upload_id"], "x", "AAAA", "0" * 32, "a..b"):
        answer = complete(client, told, own, content, "narrations", upload_id=id_)
        assert answer.status_code == 404, answer.text
    assert complete(client, told, foreign, content, "narrations").status_code == 200


def test_temporary_keys_write_what_is_the_projects_and_nothing_else(
    client: FlaskClient, services: Services, told: story.Told
) -> None:
    answer = client.post(f"{OSS}/sts", json={"project_id": told.project_id})
    if isinstance(services.store, LocalStore):
        assert (answer.status_code, "请改用 POST /api/oss/presign" in answer.get_json()["message"]) == (409, True)
        return
    assert answer.status_code == 200, answer.text
    given = answer.get_json()
    assert (given["prefix"], given["expires_in"]) == (f"projects/{told.project_id}/uploads/", 3600)
    program = Minio(
        urlsplit(given["endpoint"]).netloc,
        given["access_key"],
        given["secret_key"],
        given["session_token"],
        secure=False,
        region=given["region"],
    )
    bucket, key, long_key = given["bucket"], f"{given['prefix']}a/mine.png", f"{given['prefix']}long.wav"
    program.put_object(bucket, key, io.BytesIO(PNG), len(PNG), content_type="text/html")
    program.put_object(bucket, long_key, io.BytesIO(long_sound()), len(long_sound()), part_size=PART)
    victim = f"projects/{told.project_id}/shots/{told.shot_ids[0]}/image-9.png"
    services.store.put(victim, io.BytesIO(b"x"))
    refused = [
        lambda: program.get_object(bucket, key),
        lambda: program.stat_object(bucket, key),
        lambda: list(program.list_objects(bucket, prefix=given["prefix"])),
        lambda: program.remove_object(bucket, key),
        lambda: program.put_object(bucket, victim, io.BytesIO(b"x"), 1),
        lambda: program.put_object(bucket, f"projects/other/uploads/{key}", io.BytesIO(b"x"), 1),
        lambda: program.put_object(bucket, "music/1.mp3", io.BytesIO(b"x"), 1),
        lambda: program.copy_object(bucket, f"{given['prefix']}b.png", CopySource(bucket, victim)),
        lambda: program.set_bucket_policy(bucket, "{}"),
        program.list_buckets,
    ]
    for attempt in refused:
        with pytest.raises(S3Error) as caught:
            attempt()
        assert caught.value.code == "AccessDenied"
    done = complete(client, told, {"key": key, "upload_id": ""}, PNG, "images")
    assert done.status_code == 200, done.text
    assert requests.get(done.get_json()["version"]["url"], timeout=60).headers["Content-Type"] == "image/png"
    kept = presigned(client, told, PNG)
    send(client, kept, PNG)
    assert stored(services, told) == sorted([kept["key"], long_key])
    with services.database.write() as session:
        session.execute(update(Removal).where(Removal.object_key == given["prefix"]).values(not_before=0))
    sweep(services)
    assert stored(services, told) == [kept["key"]], "what has links of its own has a day of its own"
    assert [row.passes for row in outbox(services) if row.object_key == kept["key"]] == [UPLOADING]
