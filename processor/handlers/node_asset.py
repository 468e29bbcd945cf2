"""Taking a job's image, speech or clip from the node into object storage."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import TaskError
from models import queries
from models.asset import AssetKind
from processor.claimed_task import ClaimedTask
from service.assets import shot_versions, versions
from service.assets.media_type import Kind, sniff
from service.node.interface import Job
from service.workflow.unit_of_work import ProjectUnit

CHUNK = 1 << 20  # bytes
SHOT_GONE = (
    "任务对应的分镜已不存在"  # a task whose shot was deleted here is cancelled with it; an older backend left others
)


@contextmanager
def downloaded(claimed: ClaimedTask, job: Job, kind: Kind) -> Iterator[tuple[Path, str]]:
    """The job's asset as a temporary file, and the extension that its bytes (not its name) deserve.

    Raises `BadNodeResult` when the bytes are not of this kind.
    """
    with tempfile.TemporaryDirectory(prefix="s2v-") as folder:
        path = Path(folder) / "asset"
        with claimed.node.asset(job) as stream, path.open("wb") as file:
            # `read1` takes what is there: a cancel must not wait until a slow node has sent a whole piece.
            while chunk := stream.read1(CHUNK):
                claimed.check()
                file.write(chunk)
        yield path, sniff(path, kind).extension


def store(
    claimed: ClaimedTask,
    kind: AssetKind,
    path: Path,
    extension: str,
    *,
    result: dict[str, Any],
    message: str,
    details: dict[str, Any] | None = None,
) -> None:
    """Upload a shot's asset under a new name, and finish the task with it as the version that is shown.

    `details` are kept with the asset, and who made it, where the node says so.
    """
    task = claimed.task
    with claimed.services.database.read() as session:
        shot = queries.shot(session, task.target_shot_id)
    if shot is None:
        raise TaskError(SHOT_GONE)
    owner = versions.AssetOwner(task.project_id, shot.id, task.id, shot.title, shot.order)
    asset = versions.reserve(claimed.services, kind, owner, extension, path.stat().st_size)
    asset.details = {**(details or {}), **({"made_by": result["made_by"]} if "made_by" in result else {})}

    def commit(unit: ProjectUnit) -> None:
        fresh = queries.shot(unit.session, shot.id)
        if fresh is None:
            raise TaskError(SHOT_GONE)
        shot_versions.publish(claimed.services, unit.session, fresh, asset, now=unit.now)

    try:
        versions.store_file(claimed.services, asset, path, owner)
        claimed.check()
        claimed.finish({**result, "resource_url": asset.object_key}, message, commit)
    except BaseException:
        versions.discard(claimed.services, asset)
        raise
