"""What an account may have: stories and films a day, tasks at once, bytes stored. Admins, and whoever comes without a login, have no quota.

Looked at and counted in the commit that makes the thing, under the account's row lock: two requests at once do not share one place.
"""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from common import caller
from common.errors import QuotaExceeded
from config.settings import LimitsSettings
from models import deletion
from models.account import Account
from models.asset import Asset
from models.database_clock import milliseconds
from models.project import Project
from models.task import OPEN, Task
from service.container import Services

DAY_MS = 24 * 3600 * 1000
GIB = 1 << 30


def take(services: Services, session: Session, *, stories: int = 0, films: int = 0, tasks: int = 0) -> None:
    """Count what the caller is about to make; raises `QuotaExceeded`, which leaves nothing counted."""
    limits, owner = services.settings.limits, caller.restricted_to()
    if owner is None or not (
        limits.stories_per_day or limits.films_per_day or limits.tasks_at_once or limits.stored_gib
    ):
        return
    account = session.scalar(select(Account).where(Account.id == owner).with_for_update())
    if account is None:  # removed by hand since it came in
        return
    today = milliseconds(session) // DAY_MS
    if account.quota_day != today:
        account.quota_day, account.stories, account.films = today, 0, 0
    account.stories += stories
    account.films += films
    _check_day(limits, account, stories, films)
    if limits.tasks_at_once and tasks and _open_tasks(session, owner) + tasks > limits.tasks_at_once:
        raise QuotaExceeded(f"进行中的任务过多：最多 {limits.tasks_at_once} 个，请等待其完成")
    if limits.stored_gib and _stored(session, owner) >= limits.stored_gib * GIB:
        raise QuotaExceeded(f"存储空间已用完：最多 {limits.stored_gib:g} GiB，请删除不用的项目或音乐")


def _check_day(limits: LimitsSettings, account: Account, stories: int, films: int) -> None:
    if stories and limits.stories_per_day and account.stories > limits.stories_per_day:
        raise QuotaExceeded(f"今日新建故事数已达上限：每天 {limits.stories_per_day} 个")
    if films and limits.films_per_day and account.films > limits.films_per_day:
        raise QuotaExceeded(f"今日影片数已达上限：每天 {limits.films_per_day} 部")


def _open_tasks(session: Session, owner: str) -> int:
    open_ = select(func.count(Task.id)).where(Task.owner_id == owner, Task.status.in_(OPEN))
    return session.scalar(open_) or 0


def _stored(session: Session, owner: str) -> int:
    """Bytes of the account's projects and of its music; what it deleted counts no more."""
    projects = select(Project.id).where(Project.owner_id == owner, deletion.has_project(Project.id))
    of_projects = Asset.project_id.in_(projects) & deletion.has_shot(Asset.project_id, Asset.shot_id)
    its = or_(of_projects, (Asset.project_id == "") & (Asset.owner_id == owner))
    return int(session.scalar(select(func.sum(Asset.size)).where(its, Asset.stored_at.is_not(None))) or 0)
