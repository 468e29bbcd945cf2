"""`python -m service.film.render.launcher_process PARENT_PID`: imports what workers need, and forks a worker whenever it is told to.

Standard input is a socket with orders; see `launcher`. It ends with its parent, and the workers end with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import traceback

from service.film.render import worker
from service.film.render.launcher import EXIT_CODE, ORDER, START

# Apple's frameworks, which encode there, cannot be used by a process that was forked and goes on as it is.
CAN_FORK = sys.platform == "linux"

_Worker = int | subprocess.Popen[bytes]  # a process id, of one that was forked


def main(parent: int) -> None:
    """Start workers until the parent closes its end of the socket; then kill them."""
    worker.end_with(parent)
    door = socket.socket(fileno=os.dup(0))
    started: dict[int, _Worker] = {}
    try:
        _serve(door, started)
    finally:
        _end_all(started)
    os._exit(0)  # with nothing to clear up, at once: the film waits


def _serve(door: socket.socket, started: dict[int, _Worker]) -> None:
    while True:
        order, descriptors, _flags, _address = socket.recv_fds(door, ORDER.size, 3)
        if len(order) < ORDER.size:
            return
        kind, number = ORDER.unpack(order)
        if kind == START:
            started[number] = _fork(door, descriptors) if CAN_FORK else _spawn(descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        else:
            door.sendall(EXIT_CODE.pack(_exit_code(started.pop(number))))


def _fork(door: socket.socket, descriptors: list[int]) -> int:
    launcher = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        door.close()
        worker.main(launcher)
        code = 0
    except BaseException:  # noqa: BLE001 - the end of this process, whose last lines the parent reads
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)  # never back into the launcher's loop


def _spawn(descriptors: list[int]) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = descriptors
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", worker.__name__, str(os.getpid())], stdin=stdin, stdout=stdout, stderr=stderr
    )


def _exit_code(process: _Worker) -> int:
    if isinstance(process, int):
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return process.wait()


def _end_all(started: dict[int, _Worker]) -> None:
    for process in started.values():
        os.kill(process if isinstance(process, int) else process.pid, signal.SIGKILL)
        _exit_code(process)


if __name__ == "__main__":
    main(int(sys.argv[1]))
