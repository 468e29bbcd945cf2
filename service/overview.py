"""How the whole server is, for who runs it: tasks, what is stored, what failed lately, who may come in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common import caller
from common.errors import Forbidden
from common.host_faults import nearest
from models import account, queries
from models.account import Account, KeyOfAccount
from models.queries import FailedTask, Stored
from service.container import Services

FAILED_SHOWN = 20


@dataclass(frozen=True)
class Overview:
    """Bytes of the disk are those of `data_dir`'s. There are no accounts where nobody logs in."""

    tasks: Mapping[str, int]
    failed: Sequence[FailedTask]
    stored: Sequence[Stored]
    free_bytes: int
    total_bytes: int
    users: Sequence[Account]
    keys: Sequence[KeyOfAccount]


def overview(services: Services, *, with_accounts: bool) -> Overview:
    """What an administrator may see; raises `Forbidden` for anybody else."""
    if caller.restricted_to() is not None:
        raise Forbidden("仅管理员可以查看系统状态")
    disk = shutil.disk_usage(nearest(services.settings.data_dir))
    with services.database.read() as session:
        return Overview(
            queries.tasks_by_status(session),
            queries.failed_tasks(session, limit=FAILED_SHOWN),
            queries.stored_by_kind(session),
            disk.free,
            disk.total,
            account.all_accounts(session) if with_accounts else [],
            account.all_keys(session) if with_accounts else [],
        )
