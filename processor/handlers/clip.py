"""One shot's clip: image to video where the node offers it, a camera move over the image elsewhere."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from common.errors import BadNodeResult, NodeUnavailable, TaskError
from models import queries
from models.asset import AssetKind
from models.shot import Shot
from processor.claimed_task import ClaimedTask
from processor.handlers import film_spec, node_asset
from processor.node_job import outcome, run_job, told
from service.assets.fetch import fetch
from service.assets.media_type import Kind
from service.assets.shot_versions import DURATION
from service.film.compose import compose
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.film.spec import FilmShot, FilmSpec, Motion, Progress, Subtitles
from service.shapes import film_size
from service.workflow import film_dependencies, payloads

CAMERA_MOVE_S = 4.0


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_video` for one shot."""
    with claimed.services.database.read() as session:
        shot = queries.shot(session, claimed.task.target_shot_id)
        project = queries.project(session, claimed.task.project_id)
    if shot is None or project is None:
        raise TaskError(node_asset.SHOT_GONE)
    if not shot.image_path:
        raise TaskError("该镜头还没有图片，无法生成视频片段")
    with tempfile.TemporaryDirectory(prefix="s2v-clip-") as folder:
        files, missing = fetch(claimed.services, {"image": shot.image_path}, Path(folder), claimed.check)
        if missing:
            raise TaskError(f"该镜头的图片{missing['image']}")
        if claimed.services.node.provides("i2v"):
            _by_node(claimed, files["image"])
        elif not claimed.in_slot:  # the node was another one when the task was claimed: the retry gets a slot first
            raise NodeUnavailable("模型节点不再提供图生视频")
        else:
            _by_camera_move(claimed, shot, project.aspect, files["image"], Path(folder))


def _by_node(claimed: ClaimedTask, image: Path) -> None:
    stored: dict[str, Any] = claimed.task.parameters or {}
    encoded = base64.b64encode(image.read_bytes()).decode()
    job = run_job(claimed, "video", {**stored, "shot": {**(stored.get("shot") or {}), "image_base64": encoded}})
    with node_asset.downloaded(claimed, job, Kind.VIDEO) as (path, extension):
        try:
            with visiting_decoder(claimed.check) as decoder:
                seconds = decoder.check_clip(path, claimed.check)
        except UnusableMedia as error:
            raise BadNodeResult(f"模型节点返回的视频无法使用：{error}") from error
        _store(claimed, path, extension, outcome("video", job), told("视频片段已生成", job), seconds)


def _by_camera_move(claimed: ClaimedTask, shot: Shot, aspect: str | None, image: Path, folder: Path) -> None:
    """The node cannot turn an image into a video: the clip is a camera move, and the task's message says so."""
    request, settings = film_dependencies.film_request(claimed.task), claimed.services.settings
    motion = film_spec.motion_of(request, shot)
    width, height = film_size(request.resolution, aspect, settings.film.resolution)
    spec = FilmSpec(
        shots=(
            FilmShot(
                shot.order,
                image=image,
                minimum_s=request.duration or CAMERA_MOVE_S,
                seed=int.from_bytes(shot.id.encode()[:8], "big"),
                motion=motion,
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
        strict=True,  # a placeholder must not become the shot's clip
        **film_spec.limits(settings),
    )

    def report(progress: Progress) -> None:
        claimed.report(int(progress.fraction * 95), progress.message)

    film = compose(spec, report, claimed.cancel_token)
    made = "静止画面" if motion is Motion.NONE else "镜头运动"
    result, message = payloads.result("video", claimed.task.id), f"模型节点不支持图生视频，片段为{made}"
    _store(claimed, film.film, "mp4", result, message, film.duration_s)


def _store(
    claimed: ClaimedTask, path: Path, extension: str, result: dict[str, Any], message: str, seconds: float
) -> None:
    node_asset.store(
        claimed,
        AssetKind.CLIP,
        path,
        extension,
        result=result,
        message=message,
        details={DURATION: round(seconds, 2)},
    )
