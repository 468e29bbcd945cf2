"""What the machine that we run on refuses: space on a disk, open files, memory, access to a folder.

Such an error is nobody's fault but the machine's, and passes when the machine is mended. So whoever is about to blame an error on a
request, a file or a model, or to go on without what could not be read, asks here first.
"""

from __future__ import annotations

import errno
import signal
import tempfile
from pathlib import Path

from common.errors import DiskFull, HostUnavailable

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
DISK_FULL = "磁盘空间不足"
FULL_WORDS = ("No space left on device", "Disk quota exceeded", DISK_FULL)
LEAST_FREE = 1 << 20  # bytes; with less, nothing that we make would fit

_REASONS = {
    **dict.fromkeys(FULL, DISK_FULL),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "服务器打开的文件过多"),
    **dict.fromkeys((errno.ENOMEM, errno.EAGAIN), "服务器的内存或进程数不足"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "服务器的目录无法读写"),
    **dict.fromkeys((errno.EIO, errno.ESTALE), "服务器的磁盘读写出错"),
}
# With the others, libav answers broken media too.
_OF_LIBAV = FULL | {errno.EMFILE, errno.ENFILE, errno.EROFS, errno.EACCES}
_KILLED = frozenset({-signal.SIGKILL, -signal.SIGTERM})
_NO_TEMPORARY = (
    "No usable temporary directory"  # what `tempfile` makes of a disk that is full, as a file that was not found
)
_NO_THREAD = "can't start new thread"


def fault_of(error: BaseException) -> HostUnavailable | None:
    """The fault of this machine that the error is, or was caused by; None where the machine is not to blame."""
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_THREAD in str(error)):
        return HostUnavailable(_REASONS[errno.ENOMEM])
    cause: BaseException | None = error
    for _ in range(20):  # a chain of causes may be a circle
        if cause is None or isinstance(cause, HostUnavailable):
            return cause
        reason = _reason(cause)
        if reason:
            return DiskFull(reason) if reason == DISK_FULL else HostUnavailable(reason)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def _reason(error: BaseException) -> str:
    if not isinstance(error, OSError) or _is_of_tls(error):
        return ""
    if error.errno == errno.ENOENT and _NO_TEMPORARY in str(error):
        return DISK_FULL
    if type(error).__module__.startswith("av.") and error.errno not in _OF_LIBAV:
        return ""
    return _REASONS.get(error.errno or 0, "")


def _is_of_tls(error: OSError) -> bool:
    """Its number is of its own kind then: 1 is a bad certificate. By its name, since those who wait for a child load no `ssl` for this."""
    return any(kind.__module__ == "ssl" for kind in type(error).__mro__)


def raise_if_ours(error: BaseException) -> None:
    """Raise `HostUnavailable` where this machine is to blame for the error."""
    fault = fault_of(error)
    if fault is not None:
        raise fault from error


def raise_if_killed(code: int, what: str) -> None:
    """Raise `HostUnavailable` where a program of ours, which ended with `code`, was ended from outside: by the kernel for want of memory,
    or by somebody. What it worked at is not to blame.
    """
    if code in _KILLED:
        raise HostUnavailable(f"{what}被系统或他人终止，可能是服务器内存不足")


def says_full(text: str) -> bool:
    """Whether another program's words say that a disk is full."""
    return any(words in text for words in FULL_WORDS)


def prove_space(folder: Path) -> None:
    """Write and forget `LEAST_FREE` bytes in a folder, which is the one proof that limits of all kinds allow it.

    Raises `DiskFull`, or `HostUnavailable` where the folder cannot be written to.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            left = LEAST_FREE
            while left > 0:
                left -= file.write(bytes(left)) or 0
    except OSError as error:
        raise_if_ours(error)
        raise HostUnavailable(f"{folder}: {error.strerror or error}") from error


def nearest(folder: Path) -> Path:
    """The folder, or where it is not there yet the nearest above it that is."""
    return next((each for each in (folder, *folder.absolute().parents) if each.exists()), folder)


def is_full(folder: Path) -> bool:
    """Whether the disk of this folder is full. One that cannot be written to for another reason is not."""
    try:
        prove_space(folder)
    except DiskFull:
        return True
    except HostUnavailable:
        return False
    return False


def temporary_folder() -> Path:
    """Where temporary files go: TMPDIR, or what stands in for it. Raises `DiskFull` where there is none, since all of them are full."""
    try:
        return Path(tempfile.gettempdir())
    except OSError as error:
        raise_if_ours(error)
        raise HostUnavailable(str(error)) from error
