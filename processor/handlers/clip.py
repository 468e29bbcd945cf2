"""One shot's clip: image to video where the node offers it, a camera move over the picture elsewhere."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from common.errors import TaskError
from models import queries
from models.asset import AssetKind
from models.shot import Shot
from processor.claimed_task import TaskHandle
from processor.handlers import film_spec, node_asset
from processor.node_job import run_job
from service.assets.fetch import fetch
from service.assets.media_type import Kind
from service.film.compose import compose
from service.film.spec import FilmShot, FilmSpec, Progress, Subtitles
from service.schemas import frame_size
from service.workflow import film_dependencies, payloads

CAMERA_MOVE_S = 4.0


def run(handle: TaskHandle) -> None:
    """Handler of `generate_video` for one shot."""
    with handle.services.database.read() as session:
        shot = queries.shot(session, handle.task.about_shot)
    if shot is None:
        raise TaskError(node_asset.SHOT_GONE)
    if not shot.image_path:
        raise TaskError("该镜头还没有图片，无法生成视频片段")
    with tempfile.TemporaryDirectory(prefix="s2v-clip-") as folder:
        files, missing = fetch(handle.services, {"image": shot.image_path}, Path(folder), handle.check)
        if missing:
            raise TaskError(f"该镜头的图片{missing['image']}")
        if handle.services.node.provides("i2v"):
            _by_node(handle, files["image"])
        else:
            _by_camera_move(handle, shot, files["image"], Path(folder))


def _by_node(handle: TaskHandle, picture: Path) -> None:
    stored: dict[str, Any] = handle.task.parameters or {}
    image = base64.b64encode(picture.read_bytes()).decode()
    job = run_job(handle, "video", {**stored, "shot": {**(stored.get("shot") or {}), "image_base64": image}})
    with node_asset.downloaded(handle, job, Kind.VIDEO) as (path, extension):
        _store(handle, path, extension, job.id, "视频片段已生成")


def _by_camera_move(handle: TaskHandle, shot: Shot, picture: Path, folder: Path) -> None:
    """The node cannot turn a picture into a video: the clip is a camera move, and the task's message says so."""
    request, settings = film_dependencies.film_request(handle.task), handle.services.settings
    width, height = frame_size(request.resolution or settings.film.resolution)
    spec = FilmSpec(
        shots=(
            FilmShot(
                shot.order, picture=picture, minimum_s=CAMERA_MOVE_S, seed=int.from_bytes(shot.id.encode()[:8], "big")
            ),
        ),
        output_dir=folder / "output",
        cache_dir=film_spec.cache_dir(settings),
        width=width,
        height=height,
        fps=request.fps or settings.film.fps,
        subtitles=Subtitles.OFF,
        outro_s=0.0,
        threads=1,
        max_concurrent=settings.film.concurrent,
        strict=True,  # a placeholder must not become the shot's clip
        **film_spec.limits(settings),
    )

    def report(progress: Progress) -> None:
        handle.report(int(progress.fraction * 95), progress.message)

    film = compose(spec, report, handle.watch).film
    _store(handle, film, "mp4", handle.task.id, "模型节点不支持图生视频，片段为镜头运动")


def _store(handle: TaskHandle, path: Path, extension: str, job_id: str, message: str) -> None:
    node_asset.store(
        handle,
        AssetKind.CLIP,
        path,
        extension,
        result=payloads.result("video", job_id),
        message=message,
        write=_set_clip,
    )


def _set_clip(shot: Shot, key: str) -> None:
    shot.video_path = key
