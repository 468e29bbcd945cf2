"""A shot's image."""

from __future__ import annotations

from pathlib import Path

from common.errors import BadNodeResult
from models.asset import AssetKind
from models.shot import Shot, ShotStatus
from processor.claimed_task import ClaimedTask
from processor.handlers import node_asset
from processor.node_job import outcome, run_job, told
from service.assets.media_type import Kind
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.film.frames.image_file import check_image, is_costly


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_shot`."""
    job = run_job(claimed, "image")
    with node_asset.downloaded(claimed, job, Kind.IMAGE) as (path, extension):
        try:
            _check(claimed, path)
        except UnusableMedia as error:
            raise BadNodeResult(f"模型节点返回的图片无法使用：{error}") from error
        node_asset.store(
            claimed,
            AssetKind.IMAGE,
            path,
            extension,
            result=outcome("image", job),
            message=told("图片已生成", job),
            write=_set_image,
        )


def _check(claimed: ClaimedTask, path: Path) -> None:
    """A child takes half a second to start: only what costs memory is worth one."""
    if not is_costly(path):
        check_image(path)
        return
    with visiting_decoder(claimed.check) as decoder:
        decoder.check_image(path, claimed.check)


def _set_image(shot: Shot, key: str) -> None:
    shot.image_path, shot.status = key, ShotStatus.COMPLETED
    shot.video_path = ""  # a clip of the image before: the next film must show the new one
