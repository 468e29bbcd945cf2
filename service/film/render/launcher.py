"""The process that starts a film's workers, from the parent's side; `launcher_process` is the other.

What workers import takes a third of a second of a core. One process does it and forks them, instead of each doing it again.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Final

from service.film.encoding.ffmpeg import kill_group, last_lines

log = logging.getLogger(__name__)

# What the parent says: what it wants, and of which worker, by a number of its own choosing. A start carries the worker's standard input,
# output and error as descriptors; a wait is answered by the exit code, as `subprocess` counts it, once the worker has ended.
ORDER: Final = struct.Struct(">cI")
START, WAIT = b"S", b"W"
END_S = 0.5  # what it has for ending by itself
EXIT_CODE: Final = struct.Struct(">i")
ROOT = Path(__file__).resolve().parents[3]


class Launcher:
    """One process, and the workers that it has started: they are one process group, and end together."""

    def __init__(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `kill`
        # One thread for BLAS: its pool costs memory and is not used. Few arenas for the allocator, as each maps what it does not use.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self._door, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "service.film.render.launcher_process", str(os.getpid())],
                cwd=ROOT,
                env=environment,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._log,
                start_new_session=True,
            )

    def start(self, number: int, stdin: int, stdout: int, stderr: int) -> None:
        """Have a worker started, with these descriptors. A launcher that is dead is noticed when the worker's output is read."""
        try:
            socket.send_fds(self._door, [ORDER.pack(START, number)], [stdin, stdout, stderr])
        except (BrokenPipeError, ConnectionResetError):
            return

    def exit_code(self, number: int) -> int:
        """How a worker whose output has ended has ended itself; the launcher's own exit code where that ended first."""
        try:
            self._door.sendall(ORDER.pack(WAIT, number))
            answer = self._door.recv(EXIT_CODE.size, socket.MSG_WAITALL)
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if len(answer) == EXIT_CODE.size:
            (code,) = EXIT_CODE.unpack(answer)
            return int(code)
        return self.process.wait()

    def last_words(self) -> str:
        """The last lines that it wrote itself."""
        self._log.seek(0)
        return last_lines(self._log.read().decode("utf-8", "replace"))

    def kill(self) -> None:
        """End it and all workers at once; what they took counts as what it took."""
        with contextlib.suppress(OSError):  # it has died
            self._door.shutdown(
                socket.SHUT_WR
            )  # it kills the workers, waits for them and ends, and so does its end of the socket
        self._door.settimeout(END_S)
        try:
            self._door.recv(1)
        except TimeoutError:  # it may be in the middle of its imports
            kill_group(self.process)
        except ConnectionResetError:
            log.debug("the launcher had died")
        self.process.wait()
        self._door.close()
        self._log.close()
