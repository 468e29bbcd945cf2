"""The one exception tree: everything that this project raises on purpose.

::

    StoryToVideoError
    ├── ClientError                the caller's fault; becomes a 4xx
    │   ├── InvalidInput           400, names the field and the limit
    │   ├── NotFound               404
    │   ├── Conflict               409, the object's state forbids it
    │   ├── PreconditionFailed     412, the object is not as the client knew it
    │   ├── TooLarge               413, an upload or a body over its limit
    │   ├── Forbidden              403, a signature that does not hold, or more than a credential allows
    │   ├── Unauthorized           401, no credential, or one that does not hold
    │   ├── TooManyRequests        429, over a limit on requests
    │   ├── QuotaExceeded          429, over what an account may have
    │   └── KeyReused              422, an Idempotency-Key that came with another request before
    ├── DependencyError            something we need is missing or does not answer; 503, `retryable`
    │   ├── DatabaseUnavailable
    │   ├── QueueUnavailable
    │   │   └── QueueFull          Redis answers, and has no memory for another task
    │   ├── StorageUnavailable
    │   ├── NodeUnavailable
    │   │   └── NodeBusy           the node answers, and has no capacity left
    │   └── HostUnavailable        this machine refuses: open files, memory, access to a folder; see `common/host_faults.py`
    │       └── DiskFull           a disk is full, ours or a service's
    ├── StorageError               object storage answered, but not with success
    │   ├── ObjectNotFound
    │   ├── InvalidKey             a key or prefix that no object can have
    │   ├── ChecksumMismatch       `service.assets.fetch`: the bytes are not those that were stored
    │   └── ObjectTooLarge         `service.assets.fetch`
    ├── TaskError                  a task ends `failed` with this text
    │   ├── NodeRejected           the node said 4xx to the request: retrying is useless
    │   │   └── NodeForbids        401 or 403: it wants another token
    │   ├── NoModel                903: no node does this kind of work
    │   ├── NodeJobLost            the node no longer knows the job (it was restarted), and dispatching it again did not help
    │   ├── NodeJobFailed          the job ended in failure on the node
    │   ├── BadNodeResult          the job ended well, but its result is unusable
    │   ├── TaskTimeout            over the time limit
    │   ├── FilmError              `service.film.errors`: stage, shot and ffmpeg's last lines
    │   └── InvalidSpec            `service.film.errors`: a film that cannot be made as specified
    ├── UnusableMedia              `service.film.errors`: a file that no film can be made with; becomes a FilmError or a warning
    │   └── UnreadableAudio        `service.film.sound.reading`
    ├── StartError                 a command cannot start or go on; the operator reads the text in the terminal
    │   ├── ConfigError            `config.load`
    │   ├── DsnError               `config.go_dsn`
    │   ├── PostgresqlUrlError     `config.postgresql_url`
    │   ├── CopyError              `models.copying`
    │   ├── AddressInUse           `runtime.listener`
    │   ├── ChildFailed            `runtime.embedded.child`
    │   ├── CheckFailed            `runtime.doctor`
    │   ├── DemoFailed             `runtime.demo`
    │   ├── AdmissionError         `config.admission`
    │   └── AccountError           `service.access.accounts`
    ├── TwinRequest                `service.workflow.once`: another with the same Idempotency-Key was first
    ├── SocketClosed               `routers.websocket.follow`: the client is gone
    └── Cancelled                  the work was cancelled; never an error to report

Vendors' errors (SQLAlchemy, redis, minio, requests) are translated into these at their adapters. A type that one module alone raises stands
in that module. Which HTTP status and code each becomes stands in one table, `routers/errors.py`. The processor tries a task again where the
error is `retryable`, and fails it otherwise.
"""

from __future__ import annotations

from typing import Any


class StoryToVideoError(Exception):
    """Root of everything this project raises on purpose. `str(error)` is a text that a user may read."""

    retryable = False
    """Whether the same work may well succeed later: the processor puts the task off instead of failing it."""


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


class PreconditionFailed(ClientError):
    """The object is not as the client knew it; `present` is the row as it is."""

    def __init__(self, message: str, *, present: Any = None) -> None:
        super().__init__(message)
        self.present = present


class TooLarge(ClientError):
    """A body or an upload is over its limit; `field` is the parameter's name, or ""."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Forbidden(ClientError):
    """A signature is missing, wrong or expired, or a credential does not allow this."""


class Unauthorized(ClientError):
    """There is no credential, or it is wrong, expired or revoked."""


class TooManyRequests(ClientError):
    """Over a limit of `limit` requests, and so for `retry_after_s` seconds more."""

    def __init__(self, message: str, *, limit: int = 0, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.limit, self.retry_after_s = limit, retry_after_s


class QuotaExceeded(ClientError):
    """The account has as much as it may have."""


class KeyReused(ClientError):
    """The Idempotency-Key came with another request before."""


class DependencyError(StoryToVideoError):
    """A service that we need is missing or does not answer."""

    retryable = True


class DatabaseUnavailable(DependencyError):
    """The database cannot be reached."""


class QueueUnavailable(DependencyError):
    """Redis cannot be reached."""


class QueueFull(QueueUnavailable):
    """Redis has no memory for another task."""


class StorageUnavailable(DependencyError):
    """Object storage cannot be reached."""


class NodeUnavailable(DependencyError):
    """The model node cannot be reached, or answered 5xx.

    `refused`: it certainly did not do what it was asked for; otherwise it may have, and its answer is what was lost.
    """

    def __init__(self, message: str = "", *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class NodeBusy(NodeUnavailable):
    """The model node takes no more work just now (429): it did not do what it was asked for."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message, refused=True)


class HostUnavailable(DependencyError):
    """The machine that we run on cannot do it now: too many open files, no memory, a folder that cannot be written to."""


class DiskFull(HostUnavailable):
    """A disk is full: this machine's, or that of a service. A task waits for space as long as it takes."""


class StorageError(StoryToVideoError):
    """Object storage refused an operation."""


class ObjectNotFound(StorageError):
    """No object has this key."""


class InvalidKey(StorageError):
    """No object can have this key, or none can have a key that begins like this."""


class TaskError(StoryToVideoError):
    """The task ends `failed`; the text says why in words that a user can act on."""


class NodeRejected(TaskError):
    """The model node refused the request (4xx)."""


class NodeForbids(NodeRejected):
    """The model node does not let us in (401, 403)."""


class NoModel(TaskError):
    """No model node does this kind of work (903)."""


class NodeJobLost(TaskError):
    """The model node does not know the job any more."""


class NodeJobFailed(TaskError):
    """The job failed on the model node."""


class BadNodeResult(TaskError):
    """The job ended, but what it left cannot be used."""


class TaskTimeout(TaskError):
    """The task ran longer than its limit."""


class StartError(StoryToVideoError):
    """A command cannot start, or cannot go on; the text tells an operator what to do."""


class Cancelled(StoryToVideoError):
    """The work was cancelled by a user; whoever sees this stops and cleans up."""
