"""The one exception tree of the server.

::

    StoryToVideoError
    ├── ClientError                the caller's fault; becomes a 4xx
    │   ├── InvalidInput           400, names the field and the limit
    │   ├── NotFound               404
    │   ├── Conflict               409, the object's state forbids it
    │   ├── TooLarge               413, an upload or a body over its limit
    │   └── Forbidden              403, a signature or token that does not hold
    ├── DependencyError            something we need is missing or does not answer; 503
    │   ├── DatabaseUnavailable
    │   ├── QueueUnavailable
    │   ├── StorageUnavailable
    │   └── NodeUnavailable        the model node; the processor retries it
    ├── StorageError               object storage answered, but not with success
    │   └── ObjectNotFound
    ├── TaskError                  a task ends `failed` with this text
    │   ├── NodeRejected           the node said 4xx to the request: retrying is useless
    │   ├── NodeJobLost            the node no longer knows the job (it was restarted): dispatch again
    │   ├── NodeJobFailed          the job ended in failure on the node
    │   ├── BadNodeResult          the job ended well, but its result is unusable
    │   ├── TaskTimeout            over the time limit
    │   └── FilmError              the film pipeline failed: stage, shot and ffmpeg's last lines
    └── Cancelled                  the work was called off; never an error to report

Vendors' errors (SQLAlchemy, redis, minio, requests) are translated into these at their adapters. This module imports nothing of the
project, so that everything may import it. Which HTTP status and code each becomes stands in one table, `routers/errors.py`; whether the
processor tries again is a property of the type (`retryable`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias


class StoryToVideoError(Exception):
    """Root of everything this project raises on purpose. `str(error)` is a text that a user may read."""

    retryable = False


class ClientError(StoryToVideoError):
    """The request cannot be served as it is."""


class InvalidInput(ClientError):
    """A parameter is missing, of the wrong type or over its limit.

    `field` is the parameter's name as the client spells it.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotFound(ClientError):
    """No such project, shot, task or asset."""


class Conflict(ClientError):
    """The object is in a state that does not allow this."""


class TooLarge(ClientError):
    """A body or an upload is over its limit."""


class Forbidden(ClientError):
    """A signature or token is missing, wrong or expired."""


class DependencyError(StoryToVideoError):
    """A service that we need is missing or does not answer."""

    retryable = True


class DatabaseUnavailable(DependencyError):
    """The database cannot be reached."""


class QueueUnavailable(DependencyError):
    """Redis cannot be reached."""


class StorageUnavailable(DependencyError):
    """Object storage cannot be reached."""


class NodeUnavailable(DependencyError):
    """The model node cannot be reached, or answered 5xx or 429."""


class StorageError(StoryToVideoError):
    """Object storage refused an operation."""


class ObjectNotFound(StorageError):
    """No object has this key."""


class TaskError(StoryToVideoError):
    """The task ends `failed`; the text says why in words that a user can act on."""


class NodeRejected(TaskError):
    """The model node refused the request (4xx)."""


class NodeJobLost(TaskError):
    """The model node does not know the job any more."""

    retryable = True


class NodeJobFailed(TaskError):
    """The job failed on the model node."""


class BadNodeResult(TaskError):
    """The job ended, but what it left cannot be used."""


class TaskTimeout(TaskError):
    """The task ran longer than its limit."""


Stage: TypeAlias = Literal[
    "fetch", "input", "plan", "picture", "probe", "encode", "subtitles", "sound", "join", "timeout"
]
"""Where a film can fail. `input` means that a picture or a clip is to blame: a film that is not strict is made without it."""
_STAGE_NAMES: Mapping[Stage, str] = {  # as users read them
    "fetch": "读取素材",
    "input": "素材",
    "plan": "准备",
    "picture": "画面",
    "probe": "检测编码器",
    "encode": "编码",
    "subtitles": "字幕",
    "sound": "声音",
    "join": "合成",
    "timeout": "超时",
}


class FilmError(TaskError):
    """The film pipeline failed.

    `stage` is the stage's identifier, whose Chinese name users read; `reason` is the message alone, `shot` the shot's order (from 1) where
    one is to blame, `log` the last lines of ffmpeg.
    """

    def __init__(self, stage: Stage, message: str, *, shot: int | None = None, log: str = "") -> None:
        name = _STAGE_NAMES[stage]
        where = f"{name}，镜头 {shot}" if shot is not None else name
        tail = f"\n{log.strip()}" if log.strip() else ""
        super().__init__(f"[{where}] {message}{tail}")
        self.stage, self.reason, self.shot, self.log = stage, message, shot, log


class Cancelled(StoryToVideoError):
    """The work was called off by a user; whoever sees this stops and cleans up."""
