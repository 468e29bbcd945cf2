"""Running ffmpeg: in a session of its own, within a time limit, killed with everything it started when the film is cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from common.errors import Cancelled, DiskFull
from common.host_faults import DISK_FULL, FULL, is_full, raise_if_killed, raise_if_ours, says_full, temporary_folder
from service.film.errors import FilmError, Stage
from service.film.spec import Cancel

POLL_S = 0.02
LOG_LINES = 12
# ffmpeg exits with the system's number below 256; a limit on a file's size ends a program by a signal.
_FULL_CODES = {256 - number for number in FULL} | {-signal.SIGXFSZ}
# Demuxers open other files by themselves (playlists, subtitle links): only local files, never an address.
LOCAL_ONLY = ("-protocol_whitelist", "file,pipe")


def ffmpeg_exe() -> str:
    """Path of the ffmpeg program: `IMAGEIO_FFMPEG_EXE` where set, else the one that the `imageio-ffmpeg` wheel brings."""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads its own group, and all that it started; wait until it is gone."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it ended by itself; macOS says PermissionError for a zombie's group
        process.kill()
    process.wait()


def last_lines(log: str, count: int = LOG_LINES) -> str:
    """The last `count` lines of a log that say something."""
    return "\n".join([line for line in log.splitlines() if line.strip()][-count:])


def run_ffmpeg(
    arguments: Sequence[str],
    *,
    stage: Stage,
    cancel: Cancel,
    timeout_s: float,
    shot: int | None = None,
    cwd: Path | None = None,
) -> str:
    """Run `arguments` (the program first, as ffmpeg-python's `compile` gives them) and return what it wrote to standard error.

    Raises:
        Cancelled: `cancel` was set; the process group is gone.
        FilmError: it failed, could not be started, or ran longer than `timeout_s` seconds; carries its last lines.
        HostUnavailable: this machine could not start it, has no space for what it writes, or killed it.
    """
    if cancel.is_set():  # it might be done before the first look
        raise Cancelled(f"{stage} 已取消")
    deadline = time.monotonic() + timeout_s
    with tempfile.TemporaryFile() as log:  # a file, not a pipe: a full pipe would stop ffmpeg while we only poll it
        try:
            process = subprocess.Popen(  # noqa: S603 - a list of arguments, no shell; paths in it are ours
                list(arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
                cwd=cwd,
            )
        except OSError as error:
            raise_if_ours(error)
            raise FilmError(stage, f"无法启动 {Path(arguments[0]).name}：{error}", shot=shot) from error
        try:
            while process.poll() is None:
                if cancel.is_set():
                    raise Cancelled(f"{stage} 已取消")
                if time.monotonic() > deadline:
                    raise FilmError(stage, f"ffmpeg 超过时限 {timeout_s:.0f} 秒", shot=shot, log=_read(log.fileno()))
                _wait(process, POLL_S)
        finally:
            if process.poll() is None:
                kill_group(process)
        text = _read(log.fileno())
    if process.returncode:
        if ended_by_full_disk(process.returncode, text, cwd):
            raise DiskFull(DISK_FULL)
        raise_if_killed(process.returncode, "ffmpeg ")
        raise FilmError(stage, f"ffmpeg 失败（退出码 {process.returncode}）", shot=shot, log=last_lines(text))
    return text


def ended_by_full_disk(code: int, log: str, folder: Path | None) -> bool:
    """Whether a program that exited with `code` found no space. Its log, on a full disk itself, may be empty: then `folder` is tried."""
    if code in _FULL_CODES or says_full(log):
        return True
    return any(is_full(each) for each in (temporary_folder(), folder) if each is not None)


def _wait(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def _read(descriptor: int, limit: int = 64 << 10) -> str:
    """The end of a log file: a hostile input can make ffmpeg write a great deal of it."""
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, limit, max(0, size - limit)).decode("utf-8", "replace")
