"""Films from the request to what is stored: music, versions, what was missing, what failed, progress, and calling off."""

from __future__ import annotations

import io
import json
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import av
import imageio_ffmpeg
import jwt
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.http import parse_options_header

from config.settings import FilmSettings, MinioSettings, MysqlSettings, Settings, StorySettings, WorkerSettings
from models import task_transitions
from models.asset import Asset
from models.shot import Shot
from processor.claimed_task import ClaimedTask
from processor.handlers import film as film_handler
from processor.handlers import film_spec
from routers.app import create_app
from service import films, music, shots, tasks
from service.film.cache import acquire_slot
from service.oss.local import LocalStore
from service.schemas import FilmRequest, MusicUpload
from tests.integration.film import material
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.audio_signals import RATE, Samples, heard, write_wav
from tests.support.node.scripts import failed, finished, wav
from tests.support.node.stand_in import StandInNode
from tests.support.removals import swept
from tests.support.soak import soaking
from tests.support.wait import wait_until

SMALL = {"resolution": "128x72", "fps": 10}


@pytest.fixture(params=["sqlite and folder", "mariadb and minio"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Either column."""
    production = request.param == "mariadb and minio"
    return Settings(
        data_dir=tmp_path / "data",
        mysql=MysqlSettings(dsn=request.getfixturevalue("mysql_dsn") if production else ""),
        minio=request.getfixturevalue("minio") if production else MinioSettings(),
        worker=WorkerSettings(poll_seconds=POLL_S, concurrency=2),
        story=StorySettings(max_shots=20),
        film=FilmSettings(threads=1, local_export=str(tmp_path / "exported")),
    )


one_column = pytest.mark.parametrize("settings", ["sqlite and folder"], indirect=True)
other_column_by_soak = pytest.mark.parametrize(
    "settings", soaking(["sqlite and folder", "mariadb and minio"], keep=1), indirect=True
)


@pytest.fixture
def client(backend: Backend) -> FlaskClient:
    return create_app(backend.services).test_client()


@pytest.fixture
def project_id(backend: Backend) -> str:
    """A project of two shots with images, and a processor."""
    backend.start()
    return backend.drawn(2)


def ask(client: FlaskClient, project_id: str, **options: Any) -> str:
    answer = client.post(f"/v1/api/projects/{project_id}/video", json={**SMALL, **options})
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["task_id"])


def made(backend: Backend, client: FlaskClient, project_id: str, **options: Any) -> dict[str, Any]:
    """The finished task of a film."""
    task_id = ask(client, project_id, **options)
    backend.wait(task_id, "finished", "failed", timeout=120)
    task: dict[str, Any] = client.get(f"/v1/api/tasks/{task_id}").get_json()["task"]
    assert task["status"] == "finished", task["error"]
    return task


def versions(client: FlaskClient, project_id: str) -> list[dict[str, Any]]:
    body = client.get(f"/v1/api/projects/{project_id}/films").get_json()
    assert body["total_films"] == len(body["films"])
    return list(body["films"])


def saved_as(url: str) -> str:
    """The name under which a browser saves what a link leads to, as it is signed in it."""
    query = parse_qs(urlsplit(url).query)
    if "token" in query:
        return str(jwt.decode(query["token"][0], options={"verify_signature": False})["name"])
    how, named = parse_options_header(query["response-content-disposition"][0])
    assert how == "attachment"
    return named["filename"]


def melody(seconds: float, seed: int) -> Samples:
    """Short notes between 5 and 8 kHz, where the node's narration has nothing."""
    random = np.random.default_rng(seed)
    notes = []
    for _ in range(round(seconds / 0.2)):
        at = np.arange(RATE // 5) / RATE
        notes.append(np.sin(2 * np.pi * random.uniform(5000, 8000) * at) * np.hanning(len(at)))
    sound = 0.5 * np.concatenate(notes)
    return np.stack([sound, sound]).astype(np.float32)


def likeness(film: Samples, piece: Samples) -> float:
    """How much of a film's sound above 4.5 kHz is this piece at this film's beginning: 1 is all of it."""
    length = min(film.shape[1], piece.shape[1])
    spectrum = np.fft.rfft(film[0, :length])
    spectrum[: int(4500 * length / RATE)] = 0
    high, played = np.fft.irfft(spectrum, length), piece[0, :length]
    return float(high @ played / (np.linalg.norm(high) * np.linalg.norm(played)))


@other_column_by_soak
def test_the_music_that_fits_the_story_is_heard_in_the_film(
    backend: Backend, client: FlaskClient, project_id: str, tmp_path: Path
) -> None:
    """The storyboard asks for "calm"; one piece is tagged so in Chinese."""
    pieces = {"追逐": melody(8, 1), "Lake": melody(8, 2)}
    for title, piece in pieces.items():
        content = write_wav(tmp_path / "m.wav", piece[:, ::2], RATE // 2, channels=1)
        form = {"file": (io.BytesIO(content.read_bytes()), "m.wav"), "title": title}
        answer = client.post("/v1/api/music", data={**form, "tags": "平静" if title == "Lake" else "紧张"})
        assert answer.get_json()["music"]["duration"] == 8

    task = made(backend, client, project_id, music="auto", music_level=-8)
    [version] = versions(client, project_id)
    assert version["music"] == "2"
    (tmp_path / "film.mp4").write_bytes(backend.stored(version["id"]))
    sound = heard(tmp_path / "film.mp4")
    assert likeness(sound, pieces["Lake"]) > 0.8
    assert likeness(sound, pieces["追逐"]) < 0.3
    assert "音乐" not in task["message"]

    made(backend, client, project_id, music="1", narration="none")
    assert versions(client, project_id)[0]["music"] == "1"
    (tmp_path / "film.mp4").write_bytes(backend.stored(versions(client, project_id)[0]["id"]))
    assert likeness(heard(tmp_path / "film.mp4"), pieces["追逐"]) > 0.8


@one_column
def test_another_motion_makes_the_film_anew_and_no_image(backend: Backend, client: FlaskClient, tmp_path: Path) -> None:
    picture = material.image(tmp_path / "a.png", 1).read_bytes()
    backend.node.script("generate_shot", lambda _e: finished(picture))
    backend.start()
    project_id = backend.drawn(2)
    options = {"subtitles": "off", "narration": "none", "transition": "cut", "motion": "none"}
    made(backend, client, project_id, **options)
    first = shots.of_project(backend.services, project_id)[0]
    painted = [shot.image_path for shot in shots.of_project(backend.services, project_id)]
    address, jobs = f"/v1/api/projects/{project_id}/shots/{first.id}", backend.node.starts()
    for motion in ("auto", ""):
        changed = client.post(address, json={"motion": motion}).get_json()
        assert (changed["task_id"], changed["message"]) == ("", "分镜已更新")
        shot = client.get(address).get_json()["shot"]
        assert (shot["motion"], shot["status"]) == (motion, "completed")
        made(backend, client, project_id, **options)
    logs = [json.loads(backend.stored(f"projects/{project_id}/films/{n}.log.json")) for n in (1, 2, 3)]
    assert [log["segments_made"] for log in logs] == [2, 1, 0], "the one shot's own, then all as at first"
    assert [_moves(backend, project_id, number, tmp_path) for number in (1, 2, 3)] == [False, True, False]
    assert [shot.image_path for shot in shots.of_project(backend.services, project_id)] == painted
    assert backend.node.starts() == jobs


def _moves(backend: Backend, project_id: str, number: int, folder: Path) -> bool:
    """Whether the picture of a film's first second does."""
    (folder / "film.mp4").write_bytes(backend.stored(f"projects/{project_id}/films/{number}.mp4"))
    frames = material.decode(folder / "film.mp4")[:10]
    return max(material.difference(frames[0], frame) for frame in frames) > 0.5


@one_column
def test_motion_beside_another_change_is_kept_and_the_image_painted(
    backend: Backend, client: FlaskClient, project_id: str
) -> None:
    first = shots.of_project(backend.services, project_id)[0]
    address = f"/v1/api/projects/{project_id}/shots/{first.id}"
    task_id = client.post(address, json={"Motion": "NONE", "prompt": "a red fox"}).get_json()["task_id"]
    backend.wait(task_id, "finished")
    refused = client.post(address, json={"motion": "wobble"})
    assert (refused.status_code, refused.get_json()["field"]) == (400, "motion")
    assert "auto、none" in refused.get_json()["error"]
    shot = client.get(address).get_json()["shot"]
    assert (shot["motion"], shot["prompt"]) == ("none", "a red fox")


def test_every_version_stays_and_is_listed_with_all_that_belongs_to_it(
    backend: Backend, client: FlaskClient, project_id: str, tmp_path: Path
) -> None:
    first = made(backend, client, project_id)
    before = backend.stored(f"projects/{project_id}/films/1.mp4")
    options = {"resolution": "72x128", "fps": 5, "subtitles": "off", "transition": "cut", "export": "local", "outro": 1}
    second = made(backend, client, project_id, **options)
    newest, oldest = versions(client, project_id)
    assert (newest["number"], oldest["number"]) == (2, 1)
    assert (newest["taskId"], oldest["taskId"]) == (second["id"], first["id"])
    assert backend.stored(oldest["id"]) == before

    assert (newest["resolution"], newest["fps"], newest["mode"]) == ("72x128", 5, "final")
    assert newest["parameters"]["transition"] == "cut"
    assert newest["parameters"]["resolution"] == "72x128"
    assert newest["subtitles"] == {}
    assert set(oldest["subtitles"]) == {"srt", "ass"}
    for version in (newest, oldest):
        content = backend.stored(version["id"])
        assert version["size"] == len(content)
        for url in (version["url"], version["cover"], version["log"], *version["subtitles"].values()):
            assert url.startswith("http")
        assert set(version["downloads"]) == {"mp4", *version["subtitles"]}
        for end, url in version["downloads"].items():
            assert saved_as(url) == f"{version['title']} {version['number']}.{end}"
        (tmp_path / "film.mp4").write_bytes(content)
        with av.open(str(tmp_path / "film.mp4")) as container:
            assert container.duration is not None
            assert version["duration"] == round(container.duration / av.time_base)
    # Cover and subtitles of a version lie beside it.
    assert backend.stored(f"projects/{project_id}/films/2.jpg")[:3] == b"\xff\xd8\xff"
    assert "旁白1" in backend.stored(f"projects/{project_id}/films/1.srt").decode()

    [exported] = list((tmp_path / "exported").iterdir())
    assert exported.read_bytes() == backend.stored(newest["id"])
    assert exported.name in second["message"]
    assert str(tmp_path) not in second["message"]

    log = json.loads(backend.stored(f"projects/{project_id}/films/2.log.json"))
    assert set(log["seconds"]) >= {"fetch", "plan", "picture", "sound", "join", "total"}
    assert all(isinstance(value, float) for value in log["seconds"].values())
    assert (log["size"], log["fps"], log["encoder"], log["task"]) == ("72x128", 5, "libx264", second["id"])
    assert [shot["order"] for shot in log["shots"]] == [1, 2]
    assert log["parameters"] == newest["parameters"]


@one_column
def test_a_preview_is_listed_but_does_not_become_the_projects_film(
    backend: Backend, client: FlaskClient, project_id: str
) -> None:
    made(backend, client, project_id, quality="preview", first_seconds=1)
    [version] = versions(client, project_id)
    assert (version["mode"], version["duration"]) == ("preview", 1)
    detail = client.get(f"/v1/api/projects/{project_id}").get_json()["project_detail"]
    assert (detail["videoUrl"], detail["status"]) == ("", "audio_generated")


@one_column
def test_what_was_missing_is_in_the_message_and_fails_a_strict_film(
    backend: Backend, client: FlaskClient, project_id: str
) -> None:
    """One narration fails, one image is lost from the store, the music is deleted while the film waits."""
    backend.node.script(
        "generate_audio", lambda e: failed("没有声音") if "2" in e["parameters"]["tts"]["text"] else finished(wav())
    )
    first, _ = shots.of_project(backend.services, project_id)
    backend.services.store.remove(first.image_path or "")
    task = made(backend, client, project_id, music="auto")
    for text in ("镜头 1 的图片文件已不存在", "镜头 2 缺少旁白，以静音代替", "音乐库中没有合适的音乐"):
        assert text in task["message"]
        assert text in " ".join(versions(client, project_id)[0]["warnings"])
    strict = ask(client, project_id, strict=True)
    backend.wait(strict, "failed", timeout=120)
    error = tasks.get(backend.services, strict).error or ""
    assert "镜头 1 的图片" in error
    assert "镜头 2 缺少旁白" in error
    assert len(versions(client, project_id)) == 1


@pytest.mark.parametrize(
    ("words", "begins", "ends"),
    [
        ([["旁", 1.5, 1.8], ["白", 1.8, 2.1], ["1", 2.1, 2.6]], 1.8, 2.9),
        ([["旁", 1e400, 1.8], ["白", "now", None], [5]], 0.3, 4.3),
        pytest.param([["别", 1.5, 1.8], ["人", 1.8, 2.1], ["说", 2.1, 2.6]], 0.3, 4.3, marks=pytest.mark.soak),
    ],
)
@one_column
def test_subtitles_follow_the_words_where_the_node_says_when_they_are_heard(
    backend: Backend, client: FlaskClient, words: list[Any], begins: float, ends: float
) -> None:
    script = finished(wav(4.0))
    script.reports[-1]["result"] = {"resource_url": "/files/{job}", "words": words}
    backend.node.script("generate_audio", lambda _e: script)
    backend.start()
    project_id = backend.drawn(1)
    made(backend, client, project_id)
    srt = backend.stored(f"projects/{project_id}/films/1.srt").decode()
    found = re.search(r"00:00:(\d\d,\d+) --> 00:00:(\d\d,\d+)", srt)
    assert found
    start, end = (float(time.replace(",", ".")) for time in found.groups())
    assert start == pytest.approx(begins, abs=0.05), "the voice begins 0.3 s after the film"
    assert end == pytest.approx(ends, abs=0.05)


@one_column
def test_music_that_was_deleted_while_the_film_waited_is_left_out_with_a_note(
    backend: Backend, client: FlaskClient, tmp_path: Path
) -> None:
    processor = backend.start()
    project_id = backend.drawn(2)
    content = write_wav(tmp_path / "m.wav", melody(2, 1)).read_bytes()
    music.add(backend.services, io.BytesIO(content), "m.wav", MusicUpload())
    processor.stop(timeout=10)
    lenient, strict = ask(client, project_id, music="1"), ask(client, project_id, music="1", strict=True)
    music.delete(backend.services, "1")
    backend.start()
    backend.wait(lenient, "finished", timeout=120)
    assert "没有编号为 1 的音乐" in (tasks.get(backend.services, lenient).message or "")
    backend.wait(strict, "failed", timeout=120)
    assert "没有编号为 1 的音乐" in (tasks.get(backend.services, strict).error or "")


@one_column
def test_a_film_that_fails_says_the_stage_and_the_shot(backend: Backend, client: FlaskClient, project_id: str) -> None:
    """An image that was stored whole, but is none."""
    key = f"projects/{project_id}/broken.png"
    backend.services.store.put(key, io.BytesIO(b"\x89PNG\r\n\x1a\n" + bytes(300)))
    with backend.services.database.write() as session:
        _, second = shots.of_project(backend.services, project_id)
        session.get_one(Shot, second.id).image_path = key
    task_id = ask(client, project_id, narration="none", strict=True)
    backend.wait(task_id, "failed", timeout=120)
    error = tasks.get(backend.services, task_id).error or ""
    assert re.match(r"\[\w+，镜头 2\] ", error)
    assert versions(client, project_id) == []
    assert "镜头 2" in made(backend, client, project_id, narration="none")["message"]


@one_column
def test_a_film_that_ffmpeg_refuses_shows_its_last_lines(
    backend: Backend, client: FlaskClient, project_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ffmpeg of this test says thirty lines and gives up."""
    program = tmp_path / "ffmpeg"
    program.write_text('#!/bin/sh\nfor n in $(seq 30); do echo "line $n: moov atom not found" >&2; done\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(program))
    task_id = ask(client, project_id, narration="none")
    backend.wait(task_id, "failed", timeout=120)
    error = client.get(f"/v1/api/tasks/{task_id}").get_json()["task"]["error"]
    assert "[合成]" in error
    assert "退出码 1" in error
    assert "line 30: moov atom not found" in error
    assert "line 1:" not in error


@one_column
def test_a_film_over_its_time_limit_fails_in_words(settings: Settings, redis_url: str, node: StandInNode) -> None:
    hurried = settings.model_copy(update={"film": settings.film.model_copy(update={"timeout_s": 1})})
    backend = Backend(hurried, redis_url, node, "s2v-hurried")
    try:
        backend.start()
        large = FilmRequest(narration="none", resolution="1920x1080", fps=60, intro=30, outro=30)
        task_id = films.request(backend.services, backend.drawn(1), large)
        backend.wait(task_id, "failed", timeout=120)
        assert "超过时限 1 秒" in (tasks.get(backend.services, task_id).error or "")
        assert not [key for key in swept(backend.services) if "/films/" in key]
    finally:
        backend.close()


@one_column
def test_progress_rises_through_every_stage_in_words(
    backend: Backend, client: FlaskClient, project_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, str]] = []
    record = task_transitions.record_progress

    def remember(*given: Any, progress: int, message: str, **options: Any) -> bool:
        ours = record(*given, progress=progress, message=message, **options)
        if ours:
            written.append((progress, message))
        return ours

    monkeypatch.setattr(task_transitions, "record_progress", remember)
    monkeypatch.setattr(film_handler, "REPORT_EVERY_S", 0.0)
    made(backend, client, project_id, narration="none")
    values = [value for value, _ in written]
    assert values == sorted(values)
    assert values[-1] == film_handler.COMPOSED
    assert len(set(values)) > 5
    words = " ".join(message for _, message in written)
    for stage in ("正在读取素材", "检查素材", "制作画面", "混合声音", "合并画面与声音", "正在保存影片"):
        assert stage in words
    frames = [int("".join(filter(str.isdigit, message))) for _, message in written if "帧" in message]
    assert frames == sorted(frames)
    assert len(set(frames)) > 2


@one_column
def test_a_film_cancelled_while_it_is_stored_leaves_no_file(
    backend: Backend, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.start()
    project_id = backend.drawn(2)
    before = set(backend.services.store.list(""))
    put_file = LocalStore.put_file
    asked: list[str] = []
    parts = film_handler._parts

    def remember(claimed: ClaimedTask, request: FilmRequest) -> Any:
        asked.append(claimed.task.id)
        return parts(claimed, request)

    def put_and_cancel(self: LocalStore, key: str, path: Path, **options: Any) -> Any:
        stored = put_file(self, key, path, **options)
        if key.endswith(".jpg"):
            tasks.cancel(backend.services, asked[0])
        return stored

    monkeypatch.setattr(LocalStore, "put_file", put_and_cancel)
    monkeypatch.setattr(film_handler, "_parts", remember)
    ask(client, project_id, narration="none", export="local")
    wait_until(lambda: asked, 60)
    backend.wait(asked[0], "cancelled")
    backend.stop()  # so that the handler has ended
    assert set(swept(backend.services)) == before
    assert not (tmp_path / "exported").exists() or list((tmp_path / "exported").iterdir()) == []
    work = film_spec.cache_dir(backend.settings) / "work"
    assert [path for path in work.iterdir() if path.is_dir()] == []
    assert versions(client, project_id) == []
    with backend.services.database.read() as session:
        assert session.query(Asset).filter(Asset.kind == "film").count() == 0


@one_column
def test_films_that_wait_for_their_turn_hold_no_worker_and_lose_no_try(
    backend: Backend, client: FlaskClient, project_id: str
) -> None:
    """More films than workers, while somebody else on this host makes one: images are made all the same."""
    with ExitStack() as elsewhere:
        assert acquire_slot(film_spec.cache_dir(backend.settings), 1, elsewhere)
        waiting = [ask(client, project_id, narration="none") for _ in range(backend.settings.worker.concurrency + 1)]
        for task_id in waiting:
            wait_until(partial(_waits, backend, task_id), 60)
        backend.drawn(2)
        assert {backend.status(task_id) for task_id in waiting} == {"pending"}
        cancelled = waiting.pop()
        tasks.cancel(backend.services, cancelled)
    for task_id in waiting:
        backend.wait(task_id, "finished", timeout=200)
        assert tasks.get(backend.services, task_id).attempts == 0
    assert backend.status(cancelled) == "cancelled"
    assert len(versions(client, project_id)) == len(waiting)


@one_column
def test_two_films_asked_for_at_once_are_two_versions(
    backend: Backend, client: FlaskClient, node: StandInNode, project_id: str
) -> None:
    for task_id in [ask(client, project_id, narration="none") for _ in range(2)]:
        backend.wait(task_id, "finished", timeout=120)
    assert [version["number"] for version in versions(client, project_id)] == [2, 1]
    assert node.starts("generate_video") == []  # the node has no part in it


def _waits(backend: Backend, task_id: str) -> bool:
    return "等待其他影片" in (tasks.get(backend.services, task_id).message or "")
