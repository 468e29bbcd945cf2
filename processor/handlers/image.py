"""A shot's image."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from common.errors import BadNodeResult
from models import cast_member, queries
from models.asset import AssetKind
from processor.claimed_task import ClaimedTask
from processor.handlers import node_asset
from processor.node_envelope import REFERENCES
from processor.node_job import outcome, run_job, told
from service.assets.fetch import fetch
from service.assets.media_type import Kind
from service.assets.shot_versions import HEIGHT, WIDTH
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.film.frames.image_file import check_image, is_costly, size_of

MOST_REFERENCES, MOST_BYTES = 4, 24 << 20
"""Of one picture: a model heeds few, and a node's request has its limit. Bytes are of base64."""


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_shot`."""
    job = run_job(claimed, "image", _with_references(claimed))
    with node_asset.downloaded(claimed, job, Kind.IMAGE) as (path, extension):
        try:
            _check(claimed, path)
        except UnusableMedia as error:
            raise BadNodeResult(f"模型节点返回的图片无法使用：{error}") from error
        width, height = size_of(path)
        node_asset.store(
            claimed,
            AssetKind.IMAGE,
            path,
            extension,
            result=outcome("image", job),
            message=told("图片已生成", job),
            details={WIDTH: width, HEIGHT: height},
        )


def _with_references(claimed: ClaimedTask) -> dict[str, Any] | None:
    """The task's parameters with pictures of those of the cast who appear in the shot; None where there are none."""
    task = claimed.task
    with claimed.services.database.read() as session:
        shot = queries.shot(session, task.target_shot_id)
        members = cast_member.members(session, task.project_id) if shot is not None else ()
    shown = [member for member in members if member.reference and shot is not None and member.appears_in(shot)]
    wanted = {member.public_id: member.reference or "" for member in shown[:MOST_REFERENCES]}
    if not wanted:
        return None
    encoded: list[str] = []
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        files, _ = fetch(claimed.services, wanted, Path(folder), claimed.check)  # one that is gone is left out
        for name in wanted:
            if name in files and sum(map(len, encoded)) + files[name].stat().st_size <= MOST_BYTES:
                encoded.append(base64.b64encode(files[name].read_bytes()).decode())
    stored: dict[str, Any] = task.parameters or {}
    return {**stored, "shot": {**(stored.get("shot") or {}), REFERENCES: encoded}} if encoded else None


def _check(claimed: ClaimedTask, path: Path) -> None:
    """A child takes half a second to start: only what costs memory is worth one."""
    if not is_costly(path):
        check_image(path)
        return
    with visiting_decoder(claimed.check) as decoder:
        decoder.check_image(path, claimed.check)
