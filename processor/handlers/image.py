"""A shot's image."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from common.errors import BadNodeResult
from models.asset import AssetKind
from models.shot import Shot, ShotStatus
from processor.claimed_task import ClaimedTask
from processor.handlers import node_asset
from processor.node_job import run_job
from service.assets.media_type import Kind
from service.workflow import payloads

MAX_PIXELS = 100_000_000


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_shot`."""
    job = run_job(claimed, "image")
    with node_asset.downloaded(claimed, job, Kind.IMAGE) as (path, extension):
        _check_image(path)
        node_asset.store(
            claimed,
            AssetKind.IMAGE,
            path,
            extension,
            result=payloads.result("image", job.id),
            message="图片已生成",
            write=_set_image,
        )


def _set_image(shot: Shot, key: str) -> None:
    shot.image_path, shot.status = key, ShotStatus.COMPLETED
    shot.video_path = ""  # a clip of the image before: the next film must show the new one


def _check_image(path: Path) -> None:
    """Raise `BadNodeResult` unless the file is a whole image of a reasonable size."""
    try:
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadNodeResult(f"模型节点返回的图片过大：{image.width}x{image.height}")
            image.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadNodeResult(f"模型节点返回的图片无法读取：{error}") from error
