"""The real processor with a foreign node: the FastAPI gateway in the field."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from config.settings import Settings, StorySettings, WorkerSettings
from service import films, narrations, projects, shots, tasks
from service.schemas import FilmRequest, NarrationRequest, ShotChanges
from tests.integration.film import material
from tests.integration.processor.conftest import POLL_S, Backend
from tests.support.node.gateway import GATEWAY, spoken
from tests.support.node.scripts import Script, finished, png, wav
from tests.support.node.stand_in import StandInNode
from tests.support.wait import wait_until


@pytest.fixture
def node() -> Iterator[StandInNode]:
    with StandInNode(GATEWAY) as gateway:
        yield gateway


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Over SQLite alone: which database it is makes no difference to a node."""
    return Settings(data_dir=tmp_path, worker=WorkerSettings(poll_seconds=POLL_S), story=StorySettings(max_shots=20))


def test_a_gateway_tells_paints_and_speaks_a_story(backend: Backend, node: StandInNode) -> None:
    node.scene_count = 3
    backend.start()
    created = backend.create(2)
    wait_until(lambda: len(tasks.of_project(backend.services, created.project_id)) == 4, 60)
    for task in tasks.of_project(backend.services, created.project_id):
        backend.wait(task.id, "finished")
    found = shots.of_project(backend.services, created.project_id)
    assert [(shot.title, shot.prompt, shot.spoken) for shot in found] == [
        (f"镜头 {number}", f"scene {number}", f"第{number}句。") for number in (1, 2, 3)
    ]
    assert all(backend.stored(shot.image_path) == png() for shot in found)
    assert all((shot.image_path or "").endswith(".png") for shot in found)
    parent = narrations.request(backend.services, created.project_id, NarrationRequest(format="mp3"))
    backend.wait(parent, "finished")
    assert sorted(spoken(job.envelope) for job in node.of_type("generate_audio")) == ["第1句。", "第2句。", "第3句。"]
    for shot in shots.of_project(backend.services, created.project_id):
        assert (shot.audio_path or "").endswith(".wav")
        assert backend.services.store.stat(shot.audio_path or "").content_type == "audio/wav"
        assert backend.stored(shot.audio_path) == wav()
    assert node.refused == []
    assert not [path for path in node.paths() if "download" in path]


@pytest.mark.parametrize("count", [1, 20])
def test_a_gateways_storyboard_is_taken_as_long_as_it_is(backend: Backend, node: StandInNode, count: int) -> None:
    node.scene_count = count
    backend.start()
    created = backend.create(4)
    wait_until(lambda: len(shots.of_project(backend.services, created.project_id)) == count, 60)
    wait_until(
        lambda: (
            [str(task.status) for task in tasks.of_project(backend.services, created.project_id)]
            == ["finished"] * (count + 1)
        ),
        60,
    )
    assert [shot.order for shot in shots.of_project(backend.services, created.project_id)] == list(range(1, count + 1))


@pytest.mark.parametrize("word", ["failed", "error"])
def test_a_failed_job_keeps_its_progress_and_its_reason(backend: Backend, node: StandInNode, word: str) -> None:
    said = {"status": word, "progress": 40, "error": {"code": 7, "detail": "CUDA out of memory"}}
    node.script("generate_shot", lambda _envelope: Script([said]))
    backend.start()
    created = backend.create(2)
    for task_id in created.shot_task_ids:
        backend.wait(task_id, "failed")
        task = tasks.get(backend.services, task_id)
        assert task.progress == 40
        assert "CUDA out of memory" in (task.error or "")
        assert task.finished_at is not None


@pytest.mark.parametrize("type_", ["generate_storyboard", "generate_shot"])
@pytest.mark.parametrize(
    "result",
    [{"resource_url": ""}, {"legacy": {"path": "/srv/out.png", "task_video": {"path": "/srv/a.mp4"}}}, None],
    ids=["empty", "legacy", "null"],
)
def test_a_job_that_finishes_with_nothing_that_can_be_used_is_a_failure_in_words(
    backend: Backend, node: StandInNode, type_: str, result: object
) -> None:
    script = finished(b"")
    script.reports[-1]["result"] = result
    node.script(type_, lambda _envelope: script)
    backend.start()
    created = backend.create(2)
    failed = created.text_task_id if type_ == "generate_storyboard" else created.shot_task_ids[0]
    backend.wait(failed, "failed")
    assert "没有给出" in (tasks.get(backend.services, failed).error or "")
    assert list(backend.services.store.list("")) == []


@pytest.mark.parametrize("restarts", [1, 3, 1000])
def test_a_job_lost_by_a_restart_is_started_again_a_bounded_number_of_times(
    backend: Backend, node: StandInNode, restarts: int
) -> None:
    left = itertools.chain([True] * restarts, itertools.repeat(False))

    def restart(_job_id: str) -> None:
        if next(left):
            node.forget_jobs()

    node.on_poll = restart
    backend.start()
    created = backend.create(2)
    retries = backend.settings.worker.dispatch_retries
    backend.wait(created.text_task_id, "finished" if restarts <= retries else "failed")
    assert len(node.of_type("generate_storyboard")) == 1 + min(restarts, retries)
    assert {job.envelope["id"] for job in node.of_type("generate_storyboard")} == {created.text_task_id}


def test_a_cancelled_task_stays_cancelled_though_its_result_is_on_the_way(backend: Backend, node: StandInNode) -> None:
    downloading, serving = threading.Event(), threading.Event()

    def hold() -> None:
        downloading.set()
        serving.wait(60)

    node.before_piece = hold
    processor = backend.start()
    created = backend.create(2)
    assert downloading.wait(60)
    for task_id in created.shot_task_ids:
        tasks.cancel(backend.services, task_id)
    serving.set()
    wait_until(lambda: not set(created.shot_task_ids) & set(processor.registry.leased()), 20)
    assert [backend.status(task_id) for task_id in created.shot_task_ids] == ["cancelled", "cancelled"]
    assert list(backend.services.store.list("")) == []
    assert not any(shot.image_path for shot in shots.of_project(backend.services, created.project_id))


def test_a_cancelled_job_that_goes_on_and_finishes_changes_nothing(backend: Backend, node: StandInNode) -> None:
    gate = node.held_storyboard(37.5)
    backend.start()
    created = backend.create(2)
    job_id = wait_until(lambda: tasks.get(backend.services, created.text_task_id).job_id, 60)
    tasks.cancel(backend.services, created.text_task_id)
    wait_until(lambda: node.cancels() == [job_id], 20)
    gate.set()
    other = backend.create(2)
    for task_id in other.shot_task_ids:
        backend.wait(task_id, "finished")
    assert backend.status(created.text_task_id) == "cancelled"
    assert shots.of_project(backend.services, created.project_id) == []


def test_a_clip_is_a_camera_move_where_the_node_cannot_take_an_image(backend: Backend, node: StandInNode) -> None:
    backend.start()
    project_id = backend.drawn(2)
    [shot, _] = shots.of_project(backend.services, project_id)
    wanted = FilmRequest(shot_id=shot.id, resolution="160x90", fps=10, duration=1.5)
    clip = films.request(backend.services, project_id, wanted)
    backend.wait(clip, "finished")
    assert "镜头运动" in (tasks.get(backend.services, clip).message or "")
    assert tasks.outcome(backend.services, clip).seconds == 1.5
    assert node.of_type("generate_video") == []
    assert shots.get(backend.services, project_id, shot.id).video_path


def test_a_clip_of_an_image_that_is_to_stand_still_does_so(backend: Backend, node: StandInNode, tmp_path: Path) -> None:
    picture = material.image(tmp_path / "a.png", 1).read_bytes()
    node.script("generate_shot", lambda _envelope: finished(picture))
    backend.start()
    project_id = backend.drawn(2)
    [shot, _] = shots.of_project(backend.services, project_id)
    assert shots.update(backend.services, project_id, shot.id, ShotChanges(motion="none")) == ""
    clip = films.request(backend.services, project_id, FilmRequest(shot_id=shot.id, resolution="160x90", fps=10))
    backend.wait(clip, "finished")
    assert "静止画面" in (tasks.get(backend.services, clip).message or "")
    (tmp_path / "clip.mp4").write_bytes(
        backend.stored(shots.get(backend.services, project_id, shot.id).video_path or "")
    )
    frames = material.decode(tmp_path / "clip.mp4")
    assert max(material.difference(frames[0], frame) for frame in frames) < 0.5


def test_a_clip_is_asked_of_a_node_that_says_it_makes_them(backend: Backend, node: StandInNode, tmp_path: Path) -> None:
    node.health["providers"] = {"i2v": {"name": "svd", "available": True}}
    moving = _clip(tmp_path)
    node.script("generate_video", lambda _envelope: finished(moving))
    backend.start()
    project_id = backend.drawn(2)
    [shot, _] = shots.of_project(backend.services, project_id)
    clip = films.request(backend.services, project_id, FilmRequest(shot_id=shot.id))
    backend.wait(clip, "finished")
    [job] = node.of_type("generate_video")
    assert job.envelope["parameters"]["shot"]["image_base64"]
    stored = shots.get(backend.services, project_id, shot.id).video_path or ""
    assert stored.endswith(".mp4")
    assert backend.stored(stored) == moving
    assert node.refused == []
    assert projects.get(backend.services, project_id).project.video_url in ("", None)


def _clip(folder: Path) -> bytes:
    """A moment of grey, as H.264 in MP4."""
    path = folder / "clip.mp4"
    with av.open(path, "w") as file:
        stream = file.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    return path.read_bytes()
