"""What can go wrong on the node.

::

    NodeError
    ├── QueueFull       503 with Retry-After: ask again later
    ├── JobUnknown      404
    ├── FileRefused     404: a path that is not a result of this node
    ├── BadRequest      422: well typed, but nothing can be made of it
    └── ProviderError   the work itself failed; the text becomes the job's error
"""

from __future__ import annotations


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
