"""What a model node should not have made: the task fails and says why, nothing of it is kept, and it costs no memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import Settings, WorkerSettings
from service import films, narrations, shots, tasks
from service.schemas import FilmRequest, NarrationRequest
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.audio_signals import encode, tone
from tests.support.hostile_media import ffmpeg, plain_wav, raw_sound, watched
from tests.support.node.scripts import finished, png, wav
from tests.support.soak import soaking
from tests.support.wait import wait_until

MANY = 400 << 20  # bytes
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "faststart")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", worker=WorkerSettings(poll_seconds=POLL_S))


def narrated(backend: Backend, sound: bytes) -> tuple[str, str]:
    """How the narration of a shot ends that the node makes so, and what is said of it."""
    backend.node.script("generate_audio", lambda _e: finished(sound))
    parent = narrations.request(backend.services, backend.drawn(1), NarrationRequest())
    [task_id] = [task.id for task in tasks.of_project(backend.services, _project(backend, parent)) if task.parent_id]
    backend.wait(task_id, "finished", "failed")
    task = tasks.get(backend.services, task_id)
    return str(task.status), task.error or ""


def _project(backend: Backend, task_id: str) -> str:
    return tasks.get(backend.services, task_id).project_id


@pytest.mark.parametrize("suffix", soaking(["wav", "flac", "mov"], keep=1))
def test_a_narration_of_eight_hertz_fails_by_its_rate(suffix: str, backend: Backend, tmp_path: Path) -> None:
    sound = raw_sound(tmp_path / f"a.{suffix}", 8).read_bytes()
    backend.start()
    with watched() as peak:
        status, error = narrated(backend, sound)
    assert status == "failed"
    assert "8 Hz" in error
    assert "4000 到 384000 Hz" in error
    assert peak.bytes < MANY
    assert not [key for key in backend.services.store.list("") if "audio" in key]


@pytest.mark.parametrize("rate", soaking([8_000, 22_050, 192_000], keep=[8_000, 192_000]))
def test_a_narration_of_a_usual_rate_is_taken(rate: int, backend: Backend, tmp_path: Path) -> None:
    backend.start()
    assert narrated(backend, plain_wav(tmp_path / "a.wav", rate).read_bytes()) == ("finished", "")


def _made(*arguments: str) -> Callable[[Path], bytes]:
    def make(folder: Path) -> bytes:
        ffmpeg(*arguments, folder / "a.mp4")
        return (folder / "a.mp4").read_bytes()

    return make


def _cut(folder: Path) -> bytes:
    whole = _made("-f", "lavfi", "-i", "testsrc2=s=160x90:r=10:d=1", *H264)(folder)
    return whole[: len(whole) // 2]


CLIPS: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "nothing": (lambda _folder: b"", "内容为空"),
    "page": (lambda _folder: b"<html>busy</html>", "是一个网页"),
    "header": (lambda _folder: b"\x00\x00\x00\x18ftypmp42" + bytes(40), "无法打开"),
    "sound": (lambda folder: encode(folder / "a.m4a", tone(1, -20), "aac").read_bytes(), "没有画面"),
    "cut off": (_cut, "不完整"),
    "narrow": (_made("-f", "lavfi", "-i", "testsrc2=s=4096x64:r=10:d=1", *H264), "20 倍"),
    "long": (_made("-f", "lavfi", "-i", "color=s=64x64:r=1:d=700", *H264), "600 秒"),
    "fast": (_made("-f", "lavfi", "-i", "testsrc2=s=64x64:r=1000:d=1", *H264), "0.1 到 240"),
}


@pytest.mark.parametrize("kind", soaking(CLIPS, keep=["nothing", "page", "sound", "cut off"]))
def test_a_clip_that_no_film_can_show_fails_and_says_why(kind: str, backend: Backend, tmp_path: Path) -> None:
    make, reason = CLIPS[kind]
    content = make(tmp_path)
    backend.node.health["providers"] = {"i2v": "svd"}
    backend.node.script("generate_video", lambda _e: finished(content))
    backend.start()
    project_id = backend.drawn(1)
    [shot] = shots.of_project(backend.services, project_id)
    with watched() as peak:
        clip = films.request(backend.services, project_id, FilmRequest(shot_id=shot.id))
        backend.wait(clip, "finished", "failed")
    task = tasks.get(backend.services, clip)
    assert (task.status, task.attempts) == ("failed", 0)
    assert reason in (task.error or "")
    assert str(tmp_path) not in (task.error or "")
    assert not shots.get(backend.services, project_id, shot.id).video_path
    assert not [key for key in backend.services.store.list("") if "clip" in key]
    assert peak.bytes < MANY


@pytest.mark.parametrize(
    ("size", "reason"),
    [((100_000, 1), "每边最多 30000"), ((1, 100_000), "每边最多 30000"), ((2_000, 50), "20 倍"), ((9, 200), "20 倍")],
)
def test_an_image_that_is_hardly_wide_fails_when_it_comes_in(
    size: tuple[int, int], reason: str, backend: Backend
) -> None:
    backend.node.script("generate_shot", lambda _e: finished(png(size=size)))
    backend.start()
    created = backend.create(1)
    [task_id] = created.shot_task_ids
    backend.wait(task_id, "finished", "failed")
    task = tasks.get(backend.services, task_id)
    assert (task.status, task.attempts) == ("failed", 0)
    assert reason in (task.error or "")
    assert not [key for key in backend.services.store.list("") if "image" in key]


@pytest.mark.parametrize("size", [(1, 1), (100, 2_000)])
def test_an_image_at_the_limits_is_taken(size: tuple[int, int], backend: Backend) -> None:
    backend.node.script("generate_shot", lambda _e: finished(png(size=size)))
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "finished")


def test_a_film_that_turns_out_too_long_fails_with_both_numbers(backend: Backend) -> None:
    """The words of its shots promise little, the node speaks for long."""
    film_settings = backend.settings.film.model_copy(update={"max_duration_s": 20})
    backend.settings = backend.settings.model_copy(update={"film": film_settings})
    backend.services = backend.new_services()
    backend.node.script("generate_audio", lambda _e: finished(wav(15)))
    backend.start()
    project_id = backend.drawn(2)
    film = films.request(backend.services, project_id, FilmRequest(resolution="64x64", fps=5))
    backend.wait(film, "finished", "failed")
    error = tasks.get(backend.services, film).error or ""
    assert "影片太长：约 30 秒，上限 20 秒" in error
    start = films.request(backend.services, project_id, FilmRequest(resolution="64x64", fps=5, first_seconds=2))
    backend.wait(start, "finished")
    wait_until(lambda: not [key for key in backend.services.store.list("") if key.endswith(".part")], 10)


def test_a_narration_of_two_joined_files_is_taken_whole_and_told(backend: Backend) -> None:
    backend.start()
    backend.node.script("generate_audio", lambda _e: finished(wav(2) + wav(3)))
    project_id = backend.drawn(1)
    backend.wait(narrations.request(backend.services, project_id, NarrationRequest()), "finished")
    [shot] = shots.of_project(backend.services, project_id)
    assert shot.duration == 5
    [spoken] = [
        task
        for task in tasks.of_project(backend.services, project_id)
        if task.type == "generate_audio" and task.parent_id
    ]
    assert "旁白已生成；文件由 2 段声音拼接而成" in (spoken.message or "")


@pytest.mark.parametrize(
    ("suffix", "codec", "before"), [("aac", "aac", b""), ("webm", "libopus", b""), ("mp3", "mp3", bytes(3000))]
)
def test_a_narration_of_any_make_that_can_be_played_is_taken(
    suffix: str, codec: str, before: bytes, backend: Backend, tmp_path: Path
) -> None:
    backend.start()
    sound = before + encode(tmp_path / f"a.{suffix}", tone(1.5, -20), codec).read_bytes()
    assert narrated(backend, sound) == ("finished", "")
    assert [key for key in backend.services.store.list("") if f"audio-1.{suffix[:3]}" in key]
