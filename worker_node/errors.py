"""What can go wrong on the node.

::

    NodeError
    ├── QueueFull       503 with Retry-After: ask again later
    ├── JobUnknown      404
    ├── FileRefused     404: a path that is not a result of this node
    ├── BadRequest      422: well typed, but nothing can be made of it
    └── ProviderError   the work itself failed, and would at any other provider; the text becomes the job's error
        ├── ProviderUnable  this provider cannot do it (away, over its quota, out of memory, nothing usable made); the next one may
        │   ├── BrokenAnswer  asked again it may be better
        │   └── NoneAble    none of the kind's providers could: code 903 on the wire
        ├── Cancelled       the job is not wanted any more, and was ended between two of its steps
        └── DiskFull    nothing failed but the disk: the same task may be sent again, and becomes a new job

An `OSError` of a request is 507 where the disk is full, else 500.
"""

from __future__ import annotations

import errno

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
MODEL_UNAVAILABLE = 903  # the number of this failure in the product's own table of errors
DISK_FULL = "模型节点的磁盘空间不足"


class NodeError(Exception):
    """Root of the node's own errors; `str(error)` is a text that a user may read."""


class QueueFull(NodeError):
    """No room for one more waiting job."""

    def __init__(self, limit: int, retry_after_s: int) -> None:
        super().__init__(f"模型节点的队列已满（最多 {limit} 个任务等待），请 {retry_after_s} 秒后再试")
        self.retry_after_s = retry_after_s


class JobUnknown(NodeError):
    """No such job: never started here, forgotten, or from before a restart."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"没有这个任务：{job_id[:80]}")


class FileRefused(NodeError):
    """The path is not that of a result."""

    def __init__(self) -> None:
        super().__init__("没有这个文件")


class BadRequest(NodeError):
    """The envelope is well typed, but cannot be worked on. `field` is the path of the key to blame."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}：{message}")
        self.field = field


class ProviderError(NodeError):
    """A provider could not do its work."""


class ProviderUnable(ProviderError):
    """A provider cannot do this job now; the next one of its list may."""


class BrokenAnswer(ProviderUnable):
    """An answer that broke off, or is not what was asked for, or an error of the server's own: asked again it may be better."""


class NoneAble(ProviderUnable):
    """None of the providers of a list could do the job."""


class Cancelled(ProviderError):
    """The job was cancelled, and its worker process lives on."""

    def __init__(self) -> None:
        super().__init__("已取消")


class DiskFull(ProviderError):
    """There is no space for what the job makes."""

    def __init__(self) -> None:
        super().__init__(DISK_FULL)


def means_full(error: BaseException) -> bool:
    """Whether a full disk is what an error is, or was caused by."""
    cause: BaseException | None = error
    for _ in range(20):  # a chain of causes may be a circle
        if isinstance(cause, DiskFull) or (isinstance(cause, OSError) and cause.errno in FULL):
            return True
        cause = cause and (cause.__cause__ or cause.__context__)
    return False
