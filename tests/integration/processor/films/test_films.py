"""Films from the request to what is stored: music, versions, what was missing, what failed, progress, and calling off."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import av
import jwt
import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.http import parse_options_header

from service import music, shots, tasks
from service.schemas import MusicUpload
from tests.integration.film import material
from tests.integration.processor.conftest import Backend
from tests.integration.processor.films.conftest import ask, made, one_column, other_column_by_soak, versions
from tests.support.audio_signals import RATE, Samples, heard, write_wav
from tests.support.node.scripts import failed, finished, wav


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
