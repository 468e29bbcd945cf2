"""Commands that end with the process that started them, however that one dies.

The kernel can send a child a signal at its parent's death (prctl PR_SET_PDEATHSIG), and keeps that order across an exec. `guarded` puts a
tiny Python in front of a command which asks for that and then becomes the command: no code runs between fork and exec, where threads of
the parent could leave locks held.

The kernel looks at the *thread* that forked: start guarded commands from a thread that lives as long as they may.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1


def guarded(command: Sequence[str], end_with: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command, to be started by this very process, that gets `end_with` when this process dies (on Linux; elsewhere it is not)."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), str(int(end_with)), *command]


def end_with_parent(parent: int, end_with: int) -> None:
    """Ask the kernel for `end_with` at the parent's death; exits at once where the parent (a process id) is gone already."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - only here, so that the modules that build commands start without it

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, end_with, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before we asked, so no signal would ever come
        sys.exit(1)


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]), int(sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 - becoming the command is the purpose; there is no shell
